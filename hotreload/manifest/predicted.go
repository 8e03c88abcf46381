package manifest

import "unicode/utf8"

// What a restart that did not happen yet is called, for PredictedMessage.
const (
	RestartsOnSave = "restarts on save" // the file is saved next, and the engine takes it up
	NeedsRestart   = "needs a restart"  // somebody is asked first, or has to ask
	WouldRestart   = "would restart"    // nothing runs
)

// wouldNotLoad is the consequence of what keeps a generation back.
const wouldNotLoad = "would not load"

// messageWidth is how long a message can be, in characters, so that it fits into
// 80 columns with a consequence in front.
const messageWidth = 80 - len(RestartsOnSave+": ")

// Fit returns the first of several wordings that leaves room for a consequence in
// 80 columns; the last if none does. A Message says what happened in few words:
// many editors show one line of it.
func Fit(wordings ...string) string {
	for _, w := range wordings {
		if utf8.RuneCountInString(w) <= messageWidth {
			return w
		}
	}
	return wordings[len(wordings)-1]
}

// PredictedMessage returns the message of a finding about code that is not live, with
// what it comes to in front. rung is the rung that all findings come to, and
// restart the words for a restart. What decides nothing, and an error of the
// compiler, is returned as it is.
func (d Diagnostic) PredictedMessage(rung Rung, restart string) string {
	switch {
	case d.Code == CodeCompile:
		return d.Message
	case rung == RungKeep && d.Severity == SeverityError:
		return wouldNotLoad + ": " + d.Message
	case rung == RungWarmRestart && d.Code.Rung() == RungWarmRestart:
		return restart + ": " + d.Message
	}
	return d.Message
}
