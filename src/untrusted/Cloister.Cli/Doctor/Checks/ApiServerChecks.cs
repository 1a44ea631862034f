using Cloister.Cli.Config;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The API server: its command line and mounts, and its EncryptionConfiguration.</summary>
internal static class ApiServerChecks
{
    private const string Install = "docs/install.md";
    private const string Operations = "docs/operations.md";

    internal static IReadOnlyList<Check> All { get; } =
    [
        Check.Of("apiserver-flag", DoctorPhase.Node, "it has an EncryptionConfiguration", Install, Flag),
        Check.Of("apiserver-reload", DoctorPhase.Node, "it reads a changed one by itself", Install, Reload),
        Check.Of("apiserver-mounts", DoctorPhase.Node, "its container has the socket's folder", Install, Mounts),
        Check.Of("apiserver-livez", DoctorPhase.Node, "the plugin is left out of its liveness", Install, Livez),
        Check.Of("apiserver-gateway", DoctorPhase.Node, "it goes to the gateway for Secrets", "docs/gateway.md", Gateway),
        Check.Of("apiserver-config", DoctorPhase.Node, "it starts with its EncryptionConfiguration", Operations, Accepted),
        Check.Of("apiserver-secrets", DoctorPhase.Node, "Secrets go to this plugin", Operations, Secrets),
        Check.Of("apiserver-socket", DoctorPhase.Node, "it reaches the socket at the path that it was given", Operations, Socket),
        Check.Of("apiserver-phase", DoctorPhase.Node, "writes are encrypted, and nothing in clear is read", Operations, Phase),
        new("apiserver-provider", DoctorPhase.Node, "provider and enclave have one name", Operations, ProviderAsync),
        Check.Of("apiserver-kms-v2", DoctorPhase.Node, "KMS v2 is used", Operations, KmsV2),
    ];

    private static Finding Flag(DoctorScope scope)
    {
        string? file = scope.ApiServer.Flag("encryption-provider-config");
        return Finding.ErrorUnless(
            file is not null, Manifest(scope), $"--encryption-provider-config={file ?? " is not there: Secrets are stored in clear, unless a gateway encrypts them"}",
            "write a configuration and name it", "cloister config encryption-provider --socket /run/cloister/kms.sock --provider-name NAME --phase readers");
    }

    private static Finding Reload(DoctorScope scope)
    {
        bool reload = scope.ApiServer.Flag("encryption-provider-config-automatic-reload") == "true";
        return Finding.WarnUnless(
            reload, Manifest(scope), reload ? "on" : "off: every change needs a restart of the API server", "--encryption-provider-config-automatic-reload=true, unless two providers have one name");
    }

    private static Finding Mounts(DoctorScope scope)
    {
        ApiServerFacts server = scope.ApiServer;
        foreach (string socket in scope.KmsSockets)
        {
            string path = SocketPath.Of(socket);
            if (server.Mounts.FirstOrDefault(mount => SocketPath.Of(mount.HostPath) == path || mount.Type is "Socket") is { } single)
            {
                return Finding.Error(Manifest(scope), $"{single.HostPath} is mounted as a socket: one that is made anew is another file, which the container never sees", $"mount the folder {Path.GetDirectoryName(path)}");
            }

            if (!server.Mounts.Any(mount => ApiServerFacts.IsBelow(path, SocketPath.Of(mount.HostPath))))
            {
                return Finding.Error(Manifest(scope), $"no mount has {Path.GetDirectoryName(path)}", "extraVolumes of deploy/kubernetes/kubeadm.yaml, or a hostPath volume in the pod", $"grep -A3 volumeMounts {Manifest(scope)}");
            }
        }

        return scope.KmsSockets.Count == 0 ? throw new SkippedException("no KMS socket is configured") : Finding.Ok(Manifest(scope), $"{string.Join(", ", scope.KmsSockets.Select(Path.GetDirectoryName).Distinct())} mounted");
    }

    private static Finding Livez(DoctorScope scope)
    {
        ApiServerFacts server = scope.ApiServer;
        if (!server.IsPod)
        {
            throw new SkippedException("kubeadm's configuration has no probes: name the static pod with --apiserver");
        }

        string[] with = [.. server.Probes.Where(probe => !Excludes(probe.Value)).Select(probe => $"{probe.Key} {probe.Value}")];
        return Finding.ErrorUnless(
            with.Length == 0, Manifest(scope), with.Length == 0 ? "left out" : $"{string.Join(", ", with)}: the kubelet restarts the API server for ever while the plugin waits for its broker",
            "/livez?exclude=kms-providers, as the patch has it", "kubeadm init phase control-plane apiserver --patches deploy/kubernetes/patches");
    }

    private static bool Excludes(string path) => path.Split('?', '&').Any(part => part.StartsWith("exclude=kms-provider", StringComparison.Ordinal));

    private static Finding Gateway(DoctorScope scope)
    {
        if (scope.Configuration["gateway"] is not { } gateway)
        {
            throw new SkippedException("no gateway is configured");
        }

        string listen = DoctorScope.Text(gateway, "listen") ?? GatewayChecks.DefaultListen;
        string expected = $"https://{listen[(listen.IndexOf(':', StringComparison.Ordinal) + 1)..]}";
        string overrides = scope.ApiServer.Flag("etcd-servers-overrides") ?? "";
        bool through = overrides.Split(',').Any(one => one.StartsWith("/secrets#", StringComparison.Ordinal) && one["/secrets#".Length..].Split(';').All(url => url.TrimEnd('/') == expected));
        return Finding.ErrorUnless(
            through, Manifest(scope), through ? overrides : $"--etcd-servers-overrides={(overrides.Length == 0 ? " is not there" : overrides)}: Secrets do not go through the gateway", $"--etcd-servers-overrides=/secrets#{expected}");
    }

    private static IEnumerable<Finding> Accepted(DoctorScope scope)
    {
        (string path, EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = scope.Encryption();
        return errors.Count == 0 && configuration is not null
            ? [Finding.Ok(path, "accepted")]
            : errors.Select(error => Finding.Error(path, $"an API server refuses it: {error}", "write one that it takes", "cloister config encryption-provider"));
    }

    private static Finding Secrets(DoctorScope scope)
    {
        (string path, EncryptionConfiguration configuration) = Good(scope);
        return configuration.ForSecrets() is not { } providers
            ? Finding.Error(path, "Secrets are in no entry of resources: they are stored in clear", "add an entry with resources: [secrets]", "cloister config encryption-provider")
            : Finding.ErrorUnless(
                Ours(scope, providers) >= 0, path,
                Ours(scope, providers) >= 0 ? $"provider {Ours(scope, providers) + 1} of {providers.Count}"
                    : $"no KMS provider for Secrets points to {string.Join(", ", scope.KmsSockets)}{(providers[0].Kind == "identity" ? "; identity is the first provider: Secrets are written in clear" : "")}",
                $"endpoint: unix://{Path.GetFullPath(scope.KmsSockets is [var first, ..] ? first : DoctorSettings.DefaultKmsSocket)}", "cloister config encryption-provider");
    }

    // The endpoint is a path of the container.
    private static Finding Socket(DoctorScope scope)
    {
        ApiServerFacts server = scope.ApiServer;
        (string path, _, KmsPlugin plugin) = Plugin(scope);
        return server.OnHost(plugin.Path) is { } onHost && SocketPath.Of(onHost) == SocketPath.Of(plugin.Path)
            ? Finding.Ok(path, plugin.Path)
            : Finding.Error(path, $"{plugin.Path} is {server.OnHost(plugin.Path) ?? "nowhere"} on this node", "mount the folder at the same path in the container", $"grep -A3 volumeMounts {Manifest(scope)}");
    }

    private static Finding Phase(DoctorScope scope)
    {
        (string path, IReadOnlyList<EncryptionProvider> providers, int ours) = (Plugin(scope).Path, Good(scope).Configuration.ForSecrets()!, Ours(scope, Good(scope).Configuration.ForSecrets()!));
        return (ours, providers[0].Kind) switch
        {
            (0, _) when providers.Any(provider => provider.Kind == "identity") => Finding.Warn(
                path, "phase writers: the first provider, which writes use, is this plugin; identity is among the providers: values in clear are still read",
                "when every API server has this file: rewrite all Secrets, look at the coverage, then go on with --phase sealed", "cloister etcd coverage"),
            (0, _) => Finding.Ok(path, "phase sealed: the first provider, which writes use, is this plugin; no identity: a value in clear is not read"),
            (_, "identity") => Finding.Warn(
                path, $"phase readers: this plugin is provider {ours + 1}, it is read with; identity is first: Secrets are written in clear",
                "when every API server of the cluster has this file: go on with --phase writers", "cloister config encryption-provider --phase writers"),
            _ => Finding.Warn(
                path, $"this plugin is provider {ours + 1}: it is read with, but writes use the first, {providers[0].Kind}", "put it first when every API server has this file, and rewrite the Secrets"),
        };
    }

    private static async Task<IEnumerable<Finding>> ProviderAsync(DoctorScope scope, CancellationToken cancellation)
    {
        (string path, _, KmsPlugin plugin) = Plugin(scope);
        string name = scope.Settings.ProviderName
            ?? (await scope.EnclavesAsync()).Select(enclave => enclave.State?.Provider).FirstOrDefault(one => one is not null)
            ?? throw new SkippedException("the enclave's name for the provider is not known: --admin-socket or --provider-name");
        return
        [
            Finding.ErrorUnless(
                plugin.Name == name, path, plugin.Name == name ? name : $"the provider's name is '{plugin.Name}', the enclave's is '{name}': an EDEK made under one does not open under the other",
                "the name in this file and 'provider' in the enclave's configuration have to be equal; never rename one that has stored values"),
        ];
    }

    private static Finding KmsV2(DoctorScope scope)
    {
        (string path, _, KmsPlugin plugin) = Plugin(scope);
        return Finding.WarnUnless(
            plugin.ApiVersion == "v2", path, plugin.ApiVersion == "v2" ? "v2" : "KMS v1: one call of the plugin for each write and each read", "apiVersion: v2 (docs/operations.md, 'From KMS v1 to v2')");
    }

    private static string Manifest(DoctorScope scope) => scope.Settings.ApiServer ?? DoctorSettings.DefaultApiServer;

    private static (string Path, EncryptionConfiguration Configuration) Good(DoctorScope scope)
    {
        (string path, EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = scope.Encryption();
        return errors.Count == 0 && configuration is not null ? (path, configuration) : throw new SkippedException("the EncryptionConfiguration is refused: see apiserver-config");
    }

    private static (string Path, int Index, KmsPlugin Plugin) Plugin(DoctorScope scope)
    {
        (string path, EncryptionConfiguration configuration) = Good(scope);
        return configuration.ForSecrets() is { } providers && Ours(scope, providers) is >= 0 and var index
            ? (path, index, providers[index].Kms!)
            : throw new SkippedException("no provider for Secrets is this plugin: see apiserver-secrets");
    }

    private static int Ours(DoctorScope scope, IReadOnlyList<EncryptionProvider> providers)
    {
        string[] paths = [.. scope.KmsSockets.Select(SocketPath.Of)];
        for (int i = 0; i < providers.Count; i++)
        {
            if (providers[i].Kms is { } kms && paths.Contains(SocketPath.Of(kms.Path)))
            {
                return i;
            }
        }

        return -1;
    }
}
