/** What to tell a person of something that was thrown. */
export function messageOf(err: unknown): string {
	return err instanceof Error ? err.message : String(err);
}
