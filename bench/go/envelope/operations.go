package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

const dekSize = 32

func newAESGCM() func() {
	aead := newGCM(random(32))
	payload := random(dekSize)
	out := make([]byte, 0, 128)
	return func() { out = sealRandom(aead, out[:0], payload) }
}

func newEnvelope() func() {
	kek := newGCM(random(32))
	payload := random(dekSize)
	dek := make([]byte, dekSize)
	out := make([]byte, 0, 256)
	return func() {
		rand.Read(dek)
		out = sealRandom(newGCM(dek), out[:0], payload)
		out = sealRandom(kek, out, dek)
		clear(dek)
	}
}

func newXAESWrap() func() {
	kek := newXAES(random(32))
	dek := make([]byte, dekSize)
	out := make([]byte, 0, 128)
	return func() {
		rand.Read(dek)
		out = sealRandom(kek, out[:0], dek)
		clear(dek)
	}
}

// sealRandom appends a random nonce, the ciphertext and the tag.
func sealRandom(aead cipher.AEAD, out, plaintext []byte) []byte {
	start := len(out)
	out = out[:start+aead.NonceSize()]
	nonce := out[start:]
	rand.Read(nonce)
	return aead.Seal(out, nonce, plaintext, nil)
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func random(size int) []byte {
	bytes := make([]byte, size)
	rand.Read(bytes)
	return bytes
}
