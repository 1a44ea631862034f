using System.CommandLine;
using Cloister.Attestation;
using Cloister.Cli.Config;
using Cloister.Cli.Output;
using Cloister.Cli.Policy;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Init;

/// <summary>The text of every file that <c>cloister init</c> writes. secrets: none.</summary>
internal static class InitFiles
{
    internal const string KmsSocket = "/run/cloister/kms.sock";
    internal const string InForce = "/etc/kubernetes/cloister/encryption.yaml";

    private static readonly string[] Phases = ["readers", "writers", "sealed"];

    /// <summary>The enclave's configuration. Every node has the same: its digest is in policies.</summary>
    internal static string Enclave(InitValues values)
    {
        YamlMappingNode root = Head("EnclaveConfiguration");
        root.Add("cluster", Quoted(values.Cluster));
        root.Add("provider", Quoted(values.Provider));
        if (values.HasKms)
        {
            root.Add("kms", values.Section("kms") ?? Listen($"unix:{KmsSocket}"));
        }

        // Behind a relay there is no socket on the node: then there is no admin socket either.
        if (values.Section("kms") is null)
        {
            root.Add("admin", Listen("unix:/run/cloister/admin.sock"));
            root.Add("secrets", Listen("unix:/run/cloister/secrets.sock"));
        }

        foreach (string name in (string[])["custody", "broker", "gateway", "state"])
        {
            if (values.Section(name) is { } section)
            {
                root.Add(name, section);
            }
        }

        return YamlText.Of(root);
    }

    /// <summary>The broker's configuration; null when the values have none.</summary>
    internal static string? Broker(InitValues values)
    {
        if (values.Section("brokerConfiguration") is not { } section)
        {
            return null;
        }

        YamlMappingNode root = Head("BrokerConfiguration");
        foreach ((YamlNode key, YamlNode value) in section.Children)
        {
            root.Add(key, value);
        }

        return YamlText.Of(root);
    }

    /// <summary>
    /// The policies, when the values have a section <c>policy</c>: <c>tee</c>, <c>measurement</c> with the options of 'cloister policy from-measurement', <c>any</c> with rules that are
    /// waived, and <c>lease</c>, with which there is a ReleasePolicy too.
    /// </summary>
    /// <exception cref="CliException">An option or value is not one of its.</exception>
    internal static IEnumerable<(string Name, string Text)> Policies(InitValues values)
    {
        if (values.Section("policy") is not { } section)
        {
            return [];
        }

        if (!Enum.TryParse(InitValues.Scalar(section, "tee"), ignoreCase: true, out Tee tee) || tee is not (Tee.Sgx or Tee.Tdx or Tee.Snp or Tee.Nitro)
            || section.Children.Keys.Any(key => key is not YamlScalarNode { Value: "tee" or "measurement" or "any" or "lease" }))
        {
            throw new CliException("policy: has tee (sgx, tdx, snp or nitro), measurement, any and lease");
        }

        List<string> arguments = [];
        if (section.Children.TryGetValue("measurement", out YamlNode? given))
        {
            foreach ((YamlNode key, YamlNode value) in given is YamlMappingNode mapping ? mapping.Children : throw new CliException("policy.measurement: has to have fields"))
            {
                arguments.AddRange(Scalars(value).SelectMany(one => (string[])[$"--{(key as YamlScalarNode)?.Value}", one]));
            }
        }

        MeasurementOptions options = new();
        Command command = new("policy");
        options.All.ToList().ForEach(command.Options.Add);
        ParseResult parsed = command.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            throw new CliException($"policy.measurement: {string.Join("; ", parsed.Errors.Select(error => error.Message))}: fields are the options of 'cloister policy from-measurement' without --");
        }

        options.Take(parsed, tee);
        byte[] enclave = System.Text.Encoding.UTF8.GetBytes(Enclave(values));
        string[] waived = section.Children.TryGetValue("any", out YamlNode? any) ? [.. Scalars(any)] : [];
        MeasuredPolicy policy = new MeasuredPolicy(tee, MeasuredSection.For(tee, options, [enclave])).Waiving(waived);
        if (policy.Missing.Count > 0)
        {
            Console.Error.WriteLine($"cloister: the policy refuses everything until these rules are stated under policy.measurement or waived under policy.any: {string.Join(", ", policy.Missing)}");
        }

        List<(string, string)> files = [("appraisal-policy.yaml", policy.ToAppraisalPolicy(values.Cluster))];
        if (section.Children.TryGetValue("lease", out YamlNode? lease))
        {
            files.Add(("release-policy.yaml", policy.ToReleasePolicy(values.Cluster, waived.Contains(MeasuredPolicy.ConfigDigests) ? null : [enclave], Lease(lease))));
        }

        return files;
    }

    private static string Lease(YamlNode node)
    {
        if (node is not YamlMappingNode lease || lease.Children.Keys.Any(key => key is not YamlScalarNode { Value: "duration" or "grace" or "wraps" or "unwraps" })
            || !long.TryParse(InitValues.Scalar(lease, "wraps"), out long wraps) || !long.TryParse(InitValues.Scalar(lease, "unwraps"), out long unwraps))
        {
            throw new CliException("policy.lease: has wraps and unwraps, how many uses there may be between renewals, and duration (1h) and grace (0s)");
        }

        return PolicyFromMeasurementCommand.LeaseText(InitValues.Scalar(lease, "duration") ?? "1h", InitValues.Scalar(lease, "grace") ?? "0s", wraps, unwraps);
    }

    private static IEnumerable<string> Scalars(YamlNode node) =>
        (node is YamlSequenceNode sequence ? sequence.Children : [node]).Select(one => (one as YamlScalarNode)?.Value ?? "");

    /// <summary>The EncryptionConfigurations by phase, the same on every node.</summary>
    internal static IEnumerable<(string Name, string Text)> Encryption(InitValues values) => values.HasKms
        ? Phases.Select(phase => ($"encryption/{phase}.yaml", EncryptionConfigurationFile.Text(KmsSocket, values.Provider, "v2", ["secrets"], phase)))
        : [];

    /// <summary>A scrape configuration of Prometheus, for <c>cloister metrics</c> on every node.</summary>
    internal static string Prometheus(InitValues values) => $"""
        # 'cloister metrics' listens on loopback: a node agent of Prometheus takes this on each node. Alerts: deploy/prometheus/cloister.rules.yaml.
        scrape_configs:
          - job_name: cloister
            static_configs:
              - targets: ["127.0.0.1:9464"]
                labels:
                  cluster: "{values.Cluster}"

        """;

    /// <summary>What kubeadm has to know.</summary>
    internal static string Kubeadm(InitValues values)
    {
        string kms = values.HasKms
            ? $"    - {{name: encryption-provider-config, value: {InForce}}}\n    - {{name: encryption-provider-config-automatic-reload, value: \"true\"}}\n"
            : "";
        string gateway = values.GatewayUrl is { } url
            ? $"    # Last, once every API server has phase readers: docs/gateway.md, \"Adopt\". The bundle has etcd's authority and the gateway's.\n"
            + $"    # - {{name: etcd-servers-overrides, value: \"/secrets#{url}\"}}\n    # - {{name: etcd-cafile, value: /etc/kubernetes/cloister/etcd-and-gateway-ca.crt}}\n"
            : "";
        return $"""
            # Goes into the ClusterConfiguration, and into the cluster: 'kubeadm init phase upload-config kubeadm --config FILE', or the next upgrade or join has it not.
            apiVersion: kubeadm.k8s.io/v1beta4
            kind: ClusterConfiguration
            apiServer:
              extraArgs:
            {kms}{gateway}  extraVolumes:
                # The folder, not the socket: a socket that is made anew would be another file.
                - {"{name: cloister-sockets, hostPath: /run/cloister, mountPath: /run/cloister, pathType: DirectoryOrCreate}"}
                - {"{name: cloister-encryption, hostPath: /etc/kubernetes/cloister, mountPath: /etc/kubernetes/cloister, readOnly: true, pathType: Directory}"}

            """;
    }

    /// <summary>The patch that takes the plugin, and the gateway, out of the API server's liveness.</summary>
    internal static string Patch(InitValues values)
    {
        string livez = "/livez?" + string.Join('&', ((string[])[.. values.HasKms ? (string[])["kms-providers"] : [], .. values.GatewayUrl is null ? (string[])[] : ["etcd-override-0"]]).Select(check => $"exclude={check}"));
        return $"""
            # Without this a plugin or gateway that is away makes the kubelet restart the API server again and again. Goes with every
            # 'kubeadm init|join|upgrade --patches FOLDER': kubeadm keeps no patches.
            apiVersion: v1
            kind: Pod
            metadata:
              name: kube-apiserver
              namespace: kube-system
            spec:
              containers:
                - name: kube-apiserver
                  livenessProbe:
                    httpGet:
                      path: {livez}
                  startupProbe:
                    httpGet:
                      path: {livez}

            """;
    }

    private static YamlMappingNode Head(string kind) => new() { { "apiVersion", InitValues.ApiVersion }, { "kind", kind } };

    private static YamlMappingNode Listen(string address) => new() { { "listen", Quoted(address) } };

    private static YamlScalarNode Quoted(string text) => new(text) { Style = YamlDotNet.Core.ScalarStyle.DoubleQuoted };
}
