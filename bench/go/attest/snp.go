package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
)

func openSNP(dir string, at time.Time) (verifier, []byte, error) {
	report, err := os.ReadFile(filepath.Join(dir, "report.bin"))
	if err != nil {
		return nil, nil, err
	}
	chain := &sevsnp.CertificateChain{}
	if chain.VcekCert, err = os.ReadFile(filepath.Join(dir, "vcek.der")); err != nil {
		if chain.VlekCert, err = os.ReadFile(filepath.Join(dir, "vlek.der")); err != nil {
			return nil, nil, err
		}
	}
	authorities, err := os.ReadFile(filepath.Join(dir, "ca_chain.pem"))
	if err != nil {
		return nil, nil, err
	}
	bundle, line, err := bundleOf(authorities, chain.VlekCert != nil)
	if err != nil {
		return nil, nil, err
	}
	return func(raw []byte) error {
		parsed, err := abi.ReportToProto(raw)
		if err != nil {
			return err
		}
		root := trust.AMDRootCertsProduct(line)
		if err := root.FromKDSCertBytes(bundle); err != nil {
			return err
		}
		return verify.SnpAttestation(
			&sevsnp.Attestation{Report: parsed, CertificateChain: chain},
			&verify.Options{DisableCertFetching: true, Now: at, TrustedRoots: map[string][]*trust.AMDRootCerts{line: {root}}})
	}, report, nil
}

// bundleOf is the pair that the library reads, issuer and root, and its product line.
func bundleOf(authorities []byte, vlek bool) (bundle []byte, line string, err error) {
	prefix := "SEV-"
	if vlek {
		prefix = "SEV-VLEK-"
	}
	var issuer, root *pem.Block
	for block, rest := pem.Decode(authorities); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, "", err
		}
		name := certificate.Subject.CommonName
		if product, found := strings.CutPrefix(name, "ARK-"); found {
			root, line = block, product
		} else if strings.HasPrefix(name, prefix) && strings.HasPrefix(name, "SEV-VLEK-") == vlek {
			issuer = block
		}
	}
	if issuer == nil || root == nil {
		return nil, "", fmt.Errorf("no issuer or no root")
	}
	return bytes.Join([][]byte{pem.EncodeToMemory(issuer), pem.EncodeToMemory(root)}, nil), line, nil
}

func poolOf(root []byte) (*x509.CertPool, error) {
	certificate, err := x509.ParseCertificate(root)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool, nil
}
