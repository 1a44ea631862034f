package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const fingerprintSize = 16

// key is one AES-256 key with its AEAD, made once.
type key struct {
	id          string
	fingerprint []byte
	aead        cipher.AEAD
}

// keys is an immutable set; writes use the active one.
type keys struct {
	active *key
	byID   map[string]*key
}

type keyring struct {
	keys    atomic.Pointer[keys]
	failing atomic.Bool
	file    string
}

var (
	errFailing = status.Error(codes.Unavailable, "told to fail")
	errNoKey   = status.Error(codes.NotFound, "no key with this key_id")
	errRefused = status.Error(codes.InvalidArgument, "ciphertext refused")
)

// openKeyring reads one key in hexadecimal from each line of the file; the last is the active one.
func openKeyring(file string) (*keyring, error) {
	ring := &keyring{file: file}
	ring.keys.Store(&keys{byID: map[string]*key{}})
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		for _, line := range strings.Fields(string(content)) {
			secret, err := hex.DecodeString(line)
			if err != nil || len(secret) != 32 {
				return nil, errors.New(file + ": not a key of 32 bytes in hexadecimal")
			}
			if err := ring.add(secret); err != nil {
				return nil, err
			}
		}
	}
	if ring.keys.Load().active == nil {
		return ring, ring.rotate()
	}
	return ring, nil
}

func (r *keyring) rotate() error {
	secret := make([]byte, 32)
	rand.Read(secret)
	if r.file != "" {
		file, err := os.OpenFile(r.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.WriteString(hex.EncodeToString(secret) + "\n"); err != nil {
			return err
		}
	}
	return r.add(secret)
}

func (r *keyring) add(secret []byte) error {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(secret)
	fingerprint := digest[:fingerprintSize]
	added := &key{hex.EncodeToString(fingerprint), fingerprint, aead}
	next := &keys{active: added, byID: map[string]*key{added.id: added}}
	for id, old := range r.keys.Load().byID {
		next.byID[id] = old
	}
	r.keys.Store(next)
	return nil
}

// seal returns prefix, nonce, ciphertext and tag in one slice.
func (k *key) seal(prefix, plaintext []byte) []byte {
	size := len(prefix) + k.aead.NonceSize()
	sealed := make([]byte, size, size+len(plaintext)+k.aead.Overhead())
	copy(sealed, prefix)
	nonce := sealed[len(prefix):size]
	rand.Read(nonce)
	return k.aead.Seal(sealed, nonce, plaintext, nil)
}

func (k *key) open(sealed []byte) ([]byte, error) {
	size := k.aead.NonceSize()
	if len(sealed) < size {
		return nil, errRefused
	}
	plaintext, err := k.aead.Open(nil, sealed[:size], sealed[size:], nil)
	if err != nil {
		return nil, errRefused
	}
	return plaintext, nil
}
