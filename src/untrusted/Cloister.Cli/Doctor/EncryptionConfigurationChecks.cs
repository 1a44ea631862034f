using Cloister.Cli.Config;

namespace Cloister.Cli.Doctor;

/// <summary>The API server's EncryptionConfiguration: whether it takes it, who encrypts Secrets, through which socket, under which name, and which phase that is.</summary>
internal static class EncryptionConfigurationChecks
{
    private const string Check = "encryption configuration";

    /// <summary>Looks at one file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="sockets">KMS sockets that a provider should point to.</param>
    /// <param name="provider">Name that the provider should have; null: not known.</param>
    /// <param name="reload">The API server reads it again by itself.</param>
    /// <param name="kmsV1">The API server has the gate for KMS v1.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal static IReadOnlyList<Finding> Run(string file, IReadOnlyList<string> sockets, string? provider, bool reload, bool kmsV1)
    {
        (EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = EncryptionConfigurationReader.Read(File.ReadAllText(file), reload, kmsV1);
        if (errors.Count > 0 || configuration is null)
        {
            return [.. errors.Select(error => Finding.Error(Check, file, $"an API server refuses it: {error}", "'cloister config encryption-provider' writes one"))];
        }

        if (configuration.ForSecrets() is not { } providers)
        {
            return [Finding.Error(Check, file, "Secrets are in no entry of resources: they are stored in clear", "add an entry with resources: [secrets]")];
        }

        string[] paths = [.. sockets.Select(SocketPath.Of)];
        int ours = -1;
        for (int i = 0; i < providers.Count && ours < 0; i++)
        {
            ours = providers[i].Kms is { } kms && paths.Contains(SocketPath.Of(kms.Path)) ? i : -1;
        }

        if (ours < 0)
        {
            return
            [
                Finding.Error(Check, file, "no KMS provider for Secrets points to the sockets named here", $"endpoint: unix://{Path.GetFullPath(sockets[0])}"),
                .. providers[0].Kind == "identity" ? [InClear(file)] : (Finding[])[],
            ];
        }

        List<Finding> findings = [Phase(file, providers, ours)];
        KmsPlugin plugin = providers[ours].Kms!;
        if (provider is not null && plugin.Name != provider)
        {
            findings.Add(Finding.Error(Check, file, $"the provider's name is '{plugin.Name}', the enclave's is '{provider}': an EDEK made under one does not open under the other",
                "the name in this file and 'provider' in the enclave's configuration have to be equal; never rename one that has stored values"));
        }

        if (plugin.ApiVersion != "v2")
        {
            findings.Add(Finding.Warning(Check, file, "KMS v1: one call of the plugin for each write and each read", "apiVersion: v2 (docs/operations.md, 'From KMS v1 to v2')"));
        }

        return findings;
    }

    private static Finding Phase(string file, IReadOnlyList<EncryptionProvider> providers, int ours)
    {
        bool identity = providers.Any(provider => provider.Kind == "identity");
        return (ours, providers[0].Kind) switch
        {
            (0, _) when identity => Finding.Warning(
                Check, file, "phase writers: the first provider, which writes use, is this plugin; identity is among the providers: values in clear are still read",
                "when every API server has this file: rewrite all Secrets, check with 'cloister etcd coverage', then go on with --phase sealed"),
            (0, _) => Finding.Ok(Check, file, "phase sealed: the first provider, which writes use, is this plugin; no identity: a value in clear is not read"),
            (_, "identity") => Finding.Warning(
                Check, file, $"phase readers: this plugin is provider {ours + 1}, it is read with; identity is first: Secrets are written in clear",
                "when every API server of the cluster has this file: go on with --phase writers"),
            _ => Finding.Warning(
                Check, file, $"this plugin is provider {ours + 1}: it is read with, but writes use the first, {providers[0].Kind}",
                "put it first when every API server has this file, and rewrite the Secrets"),
        };
    }

    private static Finding InClear(string file) => Finding.Error(Check, file, "identity is the first provider: Secrets are written in clear", "put the kms provider first");
}
