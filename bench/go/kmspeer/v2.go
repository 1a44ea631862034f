package main

import (
	"context"

	"k8s.io/kms/pkg/service"
)

// pluginV2 is KMS v2 on k8s.io/kms.
type pluginV2 struct{ ring *keyring }

func (p *pluginV2) Status(context.Context) (*service.StatusResponse, error) {
	if p.ring.failing.Load() {
		return nil, errFailing
	}
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: p.ring.keys.Load().active.id}, nil
}

func (p *pluginV2) Encrypt(_ context.Context, _ string, plaintext []byte) (*service.EncryptResponse, error) {
	if p.ring.failing.Load() {
		return nil, errFailing
	}
	active := p.ring.keys.Load().active
	return &service.EncryptResponse{Ciphertext: active.seal(nil, plaintext), KeyID: active.id}, nil
}

func (p *pluginV2) Decrypt(_ context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	if p.ring.failing.Load() {
		return nil, errFailing
	}
	key, ok := p.ring.keys.Load().byID[request.KeyID]
	if !ok {
		return nil, errNoKey
	}
	return key.open(request.Ciphertext)
}
