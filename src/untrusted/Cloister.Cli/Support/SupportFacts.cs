using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Etcd;
using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Support;

/// <summary>
/// What goes into a support bundle, source by source. An allow-list: numbers, truth values, words of a list that stands here, and hashes of names. No text of a source goes in as it is, so that
/// none has to be searched for secrets. secrets: keys and Secrets pass through, and nothing of them goes in, hashed or not.
/// </summary>
internal static class SupportFacts
{
    private static readonly HashSet<string> Words =
    [
        "manual", "attested", "remote", "passthrough", "adopt", "sealed", "broker", "file", "none", "survives-revocation", "enclave", "signer",
        "sgx", "tdx", "snp", "nitro", "simulated", "kms", "identity", "aescbc", "aesgcm", "secretbox", "v1", "v2", "true", "false",
    ];

    // Of an EnclaveConfiguration: fields whose value is a word or a number.
    private static readonly HashSet<string> EnclaveFields =
    [
        "custody.mode", "gateway.mode", "gateway.tls.issuer", "state.sealedLease", "tee.sealTo", "kms.maxConnections", "kms.unauthenticated", "admin.maxConnections", "secrets.maxConnections",
        "gateway.maxConnections", "gateway.maxMessageMiB", "gateway.memoryMiB", "gateway.seeds.maxWrites", "gateway.seeds.cache",
    ];

    /// <summary>An enclave, from its admin socket; null: it does not answer.</summary>
    internal static JsonObject Enclave(EnclaveState? state) => state is null ? new JsonObject { ["answers"] = false } : new JsonObject
    {
        ["answers"] = true,
        ["tee"] = Word(state.Tee),
        ["custody"] = Word(state.Custody),
        ["cluster"] = Name(state.Cluster),
        ["provider"] = Name(state.Provider),
        ["healthy"] = state.Health == "ok",
        ["activeKeyId"] = Name(state.ActiveKeyId),
        ["keysLocked"] = !state.MemoryProtection.Contains("KEYS NOT LOCKED", StringComparison.Ordinal),
        ["keks"] = new JsonArray([.. state.Keks.Select(kek => (JsonNode)new JsonObject { ["name"] = Name(kek.Name), ["version"] = kek.Version, ["keyId"] = Name(kek.KeyId), ["active"] = kek.Active })]),
        ["counters"] = new JsonObject(state.Counters.Where(counter => IsCounter(counter.Name)).Select(counter => KeyValuePair.Create(counter.Name, (JsonNode?)counter.Value))),
        ["lease"] = state.Lease is not { } lease ? null : new JsonObject
        {
            ["kek"] = Name(lease.Kek), ["now"] = lease.Now, ["expires"] = lease.Expires, ["graceEnd"] = lease.GraceEnd, ["wrapsLeft"] = lease.WrapsLeft, ["unwrapsLeft"] = lease.UnwrapsLeft,
            ["restored"] = lease.Restored, ["failed"] = lease.FailedStep.Length > 0,
        },
        ["operators"] = state.Operators.Count,
    };

    /// <summary>An API server's EncryptionConfiguration: kinds and order, no key.</summary>
    internal static JsonObject Encryption(string text)
    {
        (EncryptionConfiguration? configuration, IReadOnlyList<string> errors) = EncryptionConfigurationReader.Read(text, reload: true, kmsV1: true);
        return new JsonObject
        {
            ["errors"] = errors.Count,
            ["entries"] = new JsonArray([.. (configuration?.Entries ?? []).Select(entry => (JsonNode)new JsonObject
            {
                ["secrets"] = entry.Resources.Contains("secrets"),
                ["resources"] = entry.Resources.Count,
                ["providers"] = new JsonArray([.. entry.Providers.Select(provider => (JsonNode)new JsonObject
                {
                    ["kind"] = Word(provider.Kind), ["apiVersion"] = provider.Kms is { } kms ? Word(kms.ApiVersion) : null, ["name"] = Name(provider.Kms?.Name), ["path"] = Name(provider.Kms?.Path),
                })]),
            })]),
        };
    }

    /// <summary>An enclave's configuration: its digest, and the fields of a list.</summary>
    internal static JsonObject Configuration(byte[] text)
    {
        JsonObject fields = [];
        try
        {
            JsonNode? root = PlainValues.Read(Encoding.UTF8.GetString(text));
            foreach (string path in EnclaveFields)
            {
                JsonNode? node = root;
                foreach (string part in path.Split('.'))
                {
                    node = (node as JsonObject)?[part];
                }

                if (node is JsonValue value)
                {
                    fields[path] = value.TryGetValue(out long number) ? number : Word(value.ToString());
                }
            }
        }
        catch (FormatException)
        {
            fields["unreadable"] = true;
        }

        return new JsonObject { ["sha384"] = Convert.ToHexStringLower(SHA384.HashData(text)), ["bytes"] = text.Length, ["fields"] = fields };
    }

    /// <summary>Values of etcd, counted.</summary>
    internal static JsonObject Stored(Coverage coverage) => new()
    {
        ["keys"] = coverage.Keys,
        ["namespaces"] = coverage.Namespaces.Count,
        ["stored"] = new JsonArray([.. coverage.Stored.Select(entry => (JsonNode)new JsonObject
        {
            ["kind"] = entry.Key.Storage.Kind.Name(), ["provider"] = Name(entry.Key.Storage.Provider), ["keyId"] = Name(entry.Key.Storage.KeyId), ["keys"] = entry.Value,
        })]),
    };

    /// <summary>This machine and this program.</summary>
    internal static JsonObject Machine() => new()
    {
        ["cloister"] = typeof(SupportFacts).Assembly.GetName().Version?.ToString(),
        ["runtime"] = Environment.Version.ToString(),
        ["kernel"] = Environment.OSVersion.Version.ToString(),
        ["processors"] = Environment.ProcessorCount,
        ["memoryMiB"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20,
        ["time"] = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture),
        ["devices"] = new JsonArray([.. ((string[])["/dev/sgx_enclave", "/dev/tdx_guest", "/dev/sev-guest", "/dev/nsm", "/sys/kernel/config/tsm/report"]).Where(Path.Exists).Select(path => (JsonNode)path)]),
    };

    /// <summary>A name or key_id as API servers' metrics have key_ids: two that are equal can be told, what they are cannot.</summary>
    private static string? Name(string? text) => string.IsNullOrEmpty(text) ? null : $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    private static string Word(string text) => Words.Contains(text.ToLowerInvariant()) ? text.ToLowerInvariant() : "other";

    // As a program names its counters; a text that came from elsewhere does not look like that by chance, and is short.
    private static bool IsCounter(string name) => name.Length <= 64 && name.Contains('_', StringComparison.Ordinal) && name.All(c => char.IsAsciiLetterLower(c) || c == '_' || char.IsAsciiDigit(c));
}
