package main

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig lets kubectl in. The token is not checked; without one kubectl asks for a user name.
func (o *options) writeKubeconfig() error {
	if o.kubeconfig == "" {
		return nil
	}
	authority, err := os.ReadFile(o.serving.ServerCert.CertKey.CertFile)
	if err != nil {
		return err
	}
	const name = "test"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: "https://" + o.serving.Listener.Addr().String(), CertificateAuthorityData: authority,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: "not-checked"}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	staged := o.kubeconfig + ".partial"
	if err := clientcmd.WriteToFile(*config, staged); err != nil {
		return err
	}
	return os.Rename(staged, o.kubeconfig)
}
