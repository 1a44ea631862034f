package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-tdx-guest/verify"
)

// files answers requests to Intel's service from a case's files: what the library would fetch, it gets at once.
type files struct {
	tcbInfo, qeIdentity, pckCrl, rootCrl []byte
	tcbChain, pckCrlChain                map[string][]string
}

func (f *files) Get(address string) (map[string][]string, []byte, error) {
	switch {
	case strings.Contains(address, "/tcb?"):
		return f.tcbChain, f.tcbInfo, nil
	case strings.Contains(address, "/qe/identity"):
		return f.tcbChain, f.qeIdentity, nil
	case strings.Contains(address, "/pckcrl?"):
		return f.pckCrlChain, f.pckCrl, nil
	case strings.HasSuffix(address, ".der"):
		return nil, f.rootCrl, nil
	}
	return nil, nil, fmt.Errorf("not among the files: %s", address)
}

func openTDX(dir string, at time.Time) (verifier, []byte, error) {
	read := map[string][]byte{}
	for _, name := range []string{"quote.bin", "tcb_info.json", "qe_identity.json", "tcb_signing_chain.pem", "pck_crl.der", "pck_crl_issuer_chain.pem", "root_ca_crl.der"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		read[name] = content
	}
	root, err := os.ReadFile(filepath.Join(dir, "..", "..", "roots", "intel_sgx_root_ca.der"))
	if err != nil {
		return nil, nil, err
	}
	pool, err := poolOf(root)
	if err != nil {
		return nil, nil, err
	}
	signing, issuers := header(read["tcb_signing_chain.pem"]), header(read["pck_crl_issuer_chain.pem"])
	getter := &files{
		tcbInfo: read["tcb_info.json"], qeIdentity: read["qe_identity.json"], pckCrl: read["pck_crl.der"], rootCrl: read["root_ca_crl.der"],
		tcbChain:    map[string][]string{"Tcb-Info-Issuer-Chain": signing, "Sgx-Enclave-Identity-Issuer-Chain": signing},
		pckCrlChain: map[string][]string{"Sgx-Pck-Crl-Issuer-Chain": issuers},
	}
	return func(quote []byte) error {
		return verify.RawTdxQuote(quote, &verify.Options{CheckRevocations: true, GetCollateral: true, Getter: getter, Now: at, TrustedRoots: pool})
	}, read["quote.bin"], nil
}

// header is a chain as Intel's service sends it: escaped, in one header field. The library wants nothing after the root.
func header(chain []byte) []string {
	return []string{url.QueryEscape(string(bytes.TrimSpace(chain)) + "\n")}
}
