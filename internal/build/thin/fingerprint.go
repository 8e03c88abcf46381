package thin

import (
	"bytes"
	"fmt"
)

// CopyFingerprint gives a package the fingerprint that another archive of it has, for packages that
// were compiled with the export data of that one. It changes data.
//
// The linker refuses packages that were compiled with other export data of an
// import than it has (cmd/link/internal/ld.checkFingerprint).
func CopyFingerprint(archive string, data, from []byte) error {
	now, err := fingerprints(archive, data)
	if err != nil {
		return err
	}
	was, err := fingerprints(archive, from)
	if err != nil {
		return err
	}
	for _, f := range now {
		copy(f, was[0])
	}
	return nil
}

// fingerprints returns where the fingerprint of a package is in its archive: in its
// objects and at the end of its export data.
func fingerprints(archive string, data []byte) ([][]byte, error) {
	objects, err := parseObjects(archive, data)
	if err != nil {
		return nil, err
	}
	exports, _ := exportsIn(data)
	exports, ok := bytes.CutSuffix(exports, []byte(exportsEnd))
	if !ok || len(exports) < fingerprint {
		return nil, fmt.Errorf("%w: %s has no export data", errObject, archive)
	}
	all := [][]byte{exports[len(exports)-fingerprint:]}
	for _, o := range objects {
		all = append(all, o.data[len(objectMagic):][:fingerprint])
	}
	for _, f := range all {
		if !bytes.Equal(f, all[0]) {
			return nil, fmt.Errorf("%w: %s has more than one fingerprint", errObject, archive)
		}
	}
	return all, nil
}
