using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The enclave's configuration as a file of this machine.</summary>
internal static class ConfigurationChecks
{
    private const string Document = "docs/configuration.md";
    private const UnixFileMode Writers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("config-valid", DoctorPhase.Preflight, "the enclave starts with its configuration", Document, ValidAsync),
        Check.Of("config-digest", DoctorPhase.Preflight, "the configuration is the one that policies accept", Document, DigestIs),
        Check.Of("config-permissions", DoctorPhase.Preflight, "only its owner can change it", Document, Permissions),
        Check.Of("config-owner", DoctorPhase.Preflight, "root owns it", Document, Owner),
        Check.Of("config-relay", DoctorPhase.Preflight, "only relays with a key can use a port", Document, Relays),
        Check.Of("config-operators", DoctorPhase.Preflight, "only operators' keys change KEKs", Document, Operators),
        Check.Of("config-authorities", DoctorPhase.Preflight, "the host cannot swap the gateway's authorities", Document, Authorities),
        Check.Of("config-sealing", DoctorPhase.Preflight, "KEKs given by hand outlive a restart", "docs/install.md", Sealing),
    ];

    /// <summary>SHA-384 of the file, hex, as the enclave's statement has it.</summary>
    internal static string Digest(DoctorScope scope) => Convert.ToHexStringLower(SHA384.HashData(Bytes(scope)));

    private static byte[] Bytes(DoctorScope scope)
    {
        _ = scope.Configuration;
        return File.ReadAllBytes(scope.Host.At(scope.ConfigurationPath));
    }

    private static async Task<IEnumerable<Finding>> ValidAsync(DoctorScope scope, CancellationToken cancellation)
    {
        string path = scope.ConfigurationPath;
        if (scope.Host.Text(path) is not { } text)
        {
            _ = scope.Configuration;
            return [];
        }

        (string kind, IReadOnlyList<string> errors) = await ConfigValidateCommand.LookAsync(scope.Host.At(path), text, false, false, cancellation);
        return kind == "EnclaveConfiguration" && errors.Count == 0
            ? [Finding.Ok(path, "accepted")]
            : [.. (errors.Count > 0 ? errors : [$"kind {kind} is not EnclaveConfiguration"]).Select(error => Finding.Error(path, error, "correct it: the enclave does not start", $"cloister config validate {path}"))];
    }

    private static Finding DigestIs(DoctorScope scope)
    {
        byte[] bytes = Bytes(scope);
        (string sha384, string sha256) = (Digest(scope), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        string seen = $"SHA-384 {sha384} (SEV-SNP: SHA-256 {sha256})";
        return scope.Settings.ConfigurationDigest is not { } expected
            ? Finding.Ok(scope.ConfigurationPath, seen)
            : Finding.ErrorUnless(
                expected.Equals(sha384, StringComparison.OrdinalIgnoreCase) || expected.Equals(sha256, StringComparison.OrdinalIgnoreCase), scope.ConfigurationPath, seen,
                $"it is not {expected}: copy the file of the cluster, byte by byte, or have policies accept this one", $"sha384sum {scope.ConfigurationPath}");
    }

    private static Finding Permissions(DoctorScope scope)
    {
        _ = scope.Configuration;
        string folder = Path.GetDirectoryName(scope.ConfigurationPath)!;
        string[] open = [.. new[] { scope.ConfigurationPath, folder }.Where(path => (scope.Host.Owner(path).Mode & Writers) != 0 && (scope.Host.Owner(path).Mode & UnixFileMode.StickyBit) == 0)];
        return open.Length == 0
            ? Finding.Ok(scope.ConfigurationPath, $"mode {HostFiles.Octal(scope.Host.Owner(scope.ConfigurationPath).Mode)}")
            : Finding.Error(open[0], $"mode {HostFiles.Octal(scope.Host.Owner(open[0]).Mode)}: others can change it", "take the right to write away: another configuration is another measurement, and no KEK", $"chmod go-w {open[0]}");
    }

    private static Finding Owner(DoctorScope scope)
    {
        _ = scope.Configuration;
        uint user = scope.Host.Owner(scope.ConfigurationPath).User;
        return Finding.ErrorUnless(user == 0, scope.ConfigurationPath, $"uid {user}", "root has to own it: whoever does can change it", $"chown root:root {scope.ConfigurationPath}");
    }

    private static Finding Relays(DoctorScope scope)
    {
        string[] ports = [.. ((string[])["kms", "admin", "secrets"]).Where(name => scope.Configuration[name] is JsonObject section && (bool?)Truth(section["unauthenticated"]) == true)];
        return Finding.ErrorUnless(
            ports.Length == 0, scope.ConfigurationPath, ports.Length == 0 ? "none without authentication" : $"unauthenticated: true in {string.Join(", ", ports)}: every process of the node can have keys unwrapped",
            "relay.pins in its place", "cloister relay keygen --key /etc/cloister/relay.key");
    }

    private static Finding Operators(DoctorScope scope)
    {
        if (Custody(scope) != "manual")
        {
            throw new SkippedException($"custody {Custody(scope)}: operators change no KEKs");
        }

        IReadOnlyList<string> operators = DoctorScope.Texts(scope.Configuration["custody"]?["manual"]?["operators"]);
        return operators switch
        {
            [] => Finding.Warn(scope.ConfigurationPath, "nobody may change KEKs", "pin an operator's key in custody.manual.operators", "cloister kek operator-key --out operator.key"),
            _ when operators.Contains("any") => Finding.Error(
                scope.ConfigurationPath, "any: whoever reaches the admin socket decides which KEK is used", "pin operators' keys in custody.manual.operators", "cloister kek operator-key --out operator.key"),
            _ => Finding.Ok(scope.ConfigurationPath, $"{operators.Count} pinned"),
        };
    }

    private static Finding Authorities(DoctorScope scope)
    {
        if (scope.Configuration["gateway"] is not { } gateway)
        {
            throw new SkippedException("no gateway is configured");
        }

        string[] open = [.. new[] { ("gateway.tls.clientCaPins", gateway["tls"]?["clientCaPins"]), ("gateway.etcd.caPins", gateway["etcd"]?["caPins"]) }
            .Where(one => DoctorScope.Texts(one.Item2).Contains("any")).Select(one => one.Item1)];
        return Finding.ErrorUnless(
            open.Length == 0, scope.ConfigurationPath, open.Length == 0 ? "bound" : $"{string.Join(", ", open)}: any: the host can put authorities of its own there",
            "pin the file's digest, or take the authorities from the broker", "sha256sum FILE");
    }

    private static Finding Sealing(DoctorScope scope)
    {
        if (Custody(scope) != "manual")
        {
            throw new SkippedException($"custody {Custody(scope)}: the broker gives KEKs again");
        }

        TeeKind tee = TeeChecks.Kind(scope.Host);
        bool copy = scope.Configuration["state"]?["directory"] is not null;
        return copy && tee is not (TeeKind.Tdx or TeeKind.Nitro or TeeKind.NitroParent)
            ? Finding.Ok(scope.ConfigurationPath, "a sealed copy is kept in state.directory")
            : Finding.Warn(
                scope.ConfigurationPath, copy ? $"{tee.ToString().ToUpperInvariant()} cannot seal: a restart loses the KEKs" : "no state.directory: a restart loses the KEKs",
                copy ? "have the KEK at hand at every restart, or use custody attested" : "state.directory, where the TEE seals (SGX, SEV-SNP); else have the KEK at hand at every restart, or use custody attested",
                "cloister provision");
    }

    private static string Custody(DoctorScope scope) => DoctorScope.Text(scope.Configuration["custody"], "mode") ?? "";

    private static bool? Truth(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool truth) ? truth : null;
}
