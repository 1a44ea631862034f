using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Etcd.Rewrap;
using Grpc.Net.Client;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>What etcd holds: in clear, under old KEKs, or closed for ever.</summary>
internal static class EtcdChecks
{
    private const string Document = "docs/coverage.md";
    private const string Secrets = "/registry/secrets/";
    private const int Names = 3;

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("etcd-coverage", DoctorPhase.Cluster, "every Secret is encrypted", Document, CoveredAsync),
        new("etcd-stale", DoctorPhase.Cluster, "every Secret is under the KEK that writes use", Document, StaleAsync),
        new("etcd-undecryptable", DoctorPhase.Cluster, "every Secret opens", Document, (scope, _) => VerifiedAsync(
            scope, coverage => coverage.Undecryptable, "do not open", "they were changed, moved, or need a KEK that is gone: restore them from a backup")),
        new("etcd-encrypted-twice", DoctorPhase.Cluster, "nothing is encrypted twice", Document, (scope, _) => VerifiedAsync(
            scope, coverage => coverage.EncryptedTwice, "are encrypted once more inside: nobody reads them", "have them unwrapped: docs/rewrap.md")),
        new("etcd-outside", DoctorPhase.Cluster, "no Secret lies in clear elsewhere", Document, OutsideAsync),
    ];

    /// <summary>Reads all of etcd, once for all checks.</summary>
    internal static async Task<CoverageReport> ScanAsync(DoctorScope scope)
    {
        string? secrets = scope.Settings.SecretsSocket;
        CurrentKeyIds? current = secrets is not null
            ? CurrentKeyIds.Of(await EnclaveSecrets.StatusAsync(secrets, CancellationToken.None))
            : (await scope.KmsAsync()).Select(kms => kms.Status).FirstOrDefault(status => status is { Healthz: "ok", KeyId.Length: > 0 }) is { } status ? CurrentKeyIds.One(status.KeyId) : null;
        using GrpcChannel? channel = secrets is null ? null : EnclaveChannel.Open(secrets);
        Coverage coverage = new(new CoverageRules(Requirement.Encrypted, null, current, channel is not null), Names);
        return await CoverageCommand.ReadAsync(scope.Settings.Etcd!, Secrets, "/registry/", coverage, channel is null ? null : new ValueCheck(new EnclaveSecrets(channel)), true, CancellationToken.None);
    }

    private static async Task<IEnumerable<Finding>> CoveredAsync(DoctorScope scope, CancellationToken cancellation)
    {
        Coverage coverage = (await scope.CoverageAsync()).Coverage;
        long clear = coverage.Stored.Where(entry => !entry.Key.Storage.Kind.IsEncrypted()).Sum(entry => entry.Value);
        return
        [
            coverage.Keys == 0 ? Finding.Warn(Secrets, "no keys", "is this the etcd of the cluster?", "etcdctl get /registry/ --prefix --keys-only --limit 5")
                : Finding.ErrorUnless(clear == 0, Secrets, clear == 0 ? $"{coverage.Keys} Secrets, all encrypted" : $"{clear} of {coverage.Keys} in clear, such as {Some(coverage)}", "rewrite them", "cloister etcd rewrap --include-plaintext"),
        ];
    }

    private static async Task<IEnumerable<Finding>> StaleAsync(DoctorScope scope, CancellationToken cancellation)
    {
        Coverage coverage = (await scope.CoverageAsync()).Coverage;
        return coverage.Rules.Current is null
            ? throw new SkippedException("no socket tells the current key_id")
            : [Finding.WarnUnless(coverage.Stale == 0, Secrets, coverage.Stale == 0 ? "none is stale" : $"{coverage.Stale} of {coverage.Keys} are under an older KEK", "rewrite them, before the older KEK goes", "cloister etcd rewrap")];
    }

    private static async Task<IEnumerable<Finding>> VerifiedAsync(DoctorScope scope, Func<Coverage, long> count, string what, string fix)
    {
        Coverage coverage = (await scope.CoverageAsync()).Coverage;
        return !coverage.Rules.Verify
            ? throw new SkippedException("only an enclave can tell: --secrets-socket")
            : [Finding.ErrorUnless(count(coverage) == 0, Secrets, count(coverage) == 0 ? $"none of {coverage.Keys}" : $"{count(coverage)} of {coverage.Keys} {what}, such as {Some(coverage)}", fix, "cloister etcd coverage --verify")];
    }

    private static async Task<IEnumerable<Finding>> OutsideAsync(DoctorScope scope, CancellationToken cancellation)
    {
        bool ok = (await scope.CoverageAsync()).Outside.Ok;
        return [Finding.ErrorUnless(ok, "/registry/", ok ? "none" : "Secrets in clear outside of /registry/secrets/", "the coverage names them: remove or rewrite them", "cloister etcd coverage")];
    }

    private static string Some(Coverage coverage) => string.Join(", ", coverage.Offenders.Select(offender => offender.Key));
}
