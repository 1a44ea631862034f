using Cloister.Cli.Etcd;

namespace Cloister.Cli.Doctor;

/// <summary>What was said on the command line; what was not has the places where packages put things.</summary>
internal sealed record DoctorSettings
{
    internal const string DefaultConfiguration = "/etc/cloister/enclave.yaml";
    internal const string DefaultKmsSocket = "/run/cloister/kms.sock";
    internal const string DefaultAdminSocket = "/run/cloister/admin.sock";
    internal const string DefaultApiServer = "/etc/kubernetes/manifests/kube-apiserver.yaml";

    internal IReadOnlyList<string> Sockets { get; init; } = [];

    internal IReadOnlyList<string> AdminSockets { get; init; } = [];

    internal string? SecretsSocket { get; init; }

    internal string? Configuration { get; init; }

    /// <summary>Digest that the configuration has to have, hex.</summary>
    internal string? ConfigurationDigest { get; init; }

    internal string? EncryptionConfiguration { get; init; }

    internal string? ProviderName { get; init; }

    /// <summary>The API server's static pod, or kubeadm's ConfigMap or ClusterConfiguration.</summary>
    internal string? ApiServer { get; init; }

    internal bool AutomaticReload { get; init; }

    internal bool KmsV1 { get; init; }

    /// <summary>What 'doctor -o json' printed on other nodes.</summary>
    internal IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>An administrator's context file.</summary>
    internal string? Broker { get; init; }

    internal EtcdOptions? Etcd { get; init; }
}
