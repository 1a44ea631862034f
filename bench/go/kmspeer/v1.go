package main

import (
	"context"
	"encoding/hex"

	kmsv1 "k8s.io/kms/apis/v1beta1"
)

// pluginV1 is KMS v1; its ciphertext begins with the fingerprint of the key, since the protocol has no key_id.
type pluginV1 struct {
	kmsv1.UnimplementedKeyManagementServiceServer
	ring *keyring
}

func (p *pluginV1) Version(context.Context, *kmsv1.VersionRequest) (*kmsv1.VersionResponse, error) {
	return &kmsv1.VersionResponse{Version: "v1beta1", RuntimeName: "kmspeer", RuntimeVersion: "0.1.0"}, nil
}

func (p *pluginV1) Encrypt(_ context.Context, request *kmsv1.EncryptRequest) (*kmsv1.EncryptResponse, error) {
	if p.ring.failing.Load() {
		return nil, errFailing
	}
	active := p.ring.keys.Load().active
	return &kmsv1.EncryptResponse{Cipher: active.seal(active.fingerprint, request.Plain)}, nil
}

func (p *pluginV1) Decrypt(_ context.Context, request *kmsv1.DecryptRequest) (*kmsv1.DecryptResponse, error) {
	if p.ring.failing.Load() {
		return nil, errFailing
	}
	if len(request.Cipher) < fingerprintSize {
		return nil, errRefused
	}
	key, ok := p.ring.keys.Load().byID[hex.EncodeToString(request.Cipher[:fingerprintSize])]
	if !ok {
		return nil, errNoKey
	}
	plaintext, err := key.open(request.Cipher[fingerprintSize:])
	if err != nil {
		return nil, err
	}
	return &kmsv1.DecryptResponse{Plain: plaintext}, nil
}
