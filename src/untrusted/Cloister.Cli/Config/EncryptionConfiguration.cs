namespace Cloister.Cli.Config;

/// <summary>What an API server makes of an EncryptionConfiguration.</summary>
/// <param name="Entries">In the order of the file.</param>
internal sealed record EncryptionConfiguration(IReadOnlyList<EncryptionEntry> Entries)
{
    /// <summary>
    /// The providers for Secrets, in their order: those of every entry that names them; without one, those of the core group, then those of everything.
    /// Null: Secrets are stored in clear. Source: k8s.io/apiserver, encryptionconfig.
    /// </summary>
    internal IReadOnlyList<EncryptionProvider>? ForSecrets()
    {
        foreach ((string resource, string group) in ((string, string)[])[("secrets", ""), ("*", ""), ("*", "*")])
        {
            List<EncryptionEntry> entries = [.. Entries.Where(entry => entry.Resources.Any(name => GroupOf(name) == (resource, group)))];
            if (entries.Count > 0)
            {
                return [.. entries.SelectMany(entry => entry.Providers)];
            }
        }

        return null;
    }

    /// <summary>Resource and group of a name: what is behind its first dot is the group.</summary>
    internal static (string Resource, string Group) GroupOf(string name) =>
        name.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? (name[..dot], name[(dot + 1)..]) : (name, "");
}

/// <summary>What is encrypted how.</summary>
/// <param name="Resources">Names as in the file.</param>
/// <param name="Providers">The first is written with, all are read with.</param>
internal sealed record EncryptionEntry(IReadOnlyList<string> Resources, IReadOnlyList<EncryptionProvider> Providers);

/// <summary>One way to encrypt.</summary>
/// <param name="Kind"><c>kms</c>, <c>identity</c>, <c>aescbc</c>, <c>aesgcm</c> or <c>secretbox</c>.</param>
/// <param name="Kms">Of a plugin.</param>
internal sealed record EncryptionProvider(string Kind, KmsPlugin? Kms = null);

/// <summary>A KMS plugin, with what an API server takes where nothing is said.</summary>
/// <param name="ApiVersion"><c>v1</c> or <c>v2</c>.</param>
/// <param name="Name">Part of what is stored.</param>
/// <param name="Path">Of the socket; begins with <c>@</c> in the abstract namespace.</param>
internal sealed record KmsPlugin(string ApiVersion, string Name, string Path)
{
    /// <summary>What an API server waits for an answer when nothing is said.</summary>
    internal static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(3);

    /// <summary>What it waits for an answer.</summary>
    internal TimeSpan Timeout { get; init; } = DefaultTimeout;
}
