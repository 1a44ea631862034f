package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/hex"
	"errors"
)

// xaes is XAES-256-GCM (C2SP): the first 12 bytes of a 24-byte nonce derive a key, the last 12 are that key's GCM nonce.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	// CMAC's K1: the encrypted zero block, doubled in GF(2^128).
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		next := x.k1[i] >> 7
		x.k1[i] = x.k1[i]<<1 | carry
		carry = next
	}
	x.k1[len(x.k1)-1] ^= byte(subtle.ConstantTimeSelect(int(carry), 0x87, 0))
	return x
}

func (*xaes) NonceSize() int { return 24 }

func (*xaes) Overhead() int { return 16 }

func (x *xaes) derive(nonce []byte) cipher.AEAD {
	var key [32]byte
	for i := range 2 {
		half := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce)
		subtle.XORBytes(half, half, x.k1[:])
		x.block.Encrypt(half, half)
	}
	return newGCM(key[:])
}

func (x *xaes) Seal(out, nonce, plaintext, data []byte) []byte {
	return x.derive(nonce[:12]).Seal(out, nonce[12:], plaintext, data)
}

func (x *xaes) Open(out, nonce, ciphertext, data []byte) ([]byte, error) {
	return x.derive(nonce[:12]).Open(out, nonce[12:], ciphertext, data)
}

// checkXAES compares with the specification's first test vector.
func checkXAES() error {
	want, _ := hex.DecodeString("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271")
	got := newXAES(bytes.Repeat([]byte{1}, 32)).Seal(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), nil)
	if !bytes.Equal(got, want) {
		return errors.New("XAES-256-GCM does not give the test vector")
	}
	return nil
}
