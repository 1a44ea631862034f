using Cloister.AdminApi;
using Cloister.Administration.Client;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>
/// Custody attested and remote: the broker makes the version, and says from when on writes use it, so that every node has it before. secrets: none.
/// </summary>
/// <param name="broker">The broker.</param>
/// <param name="kek">Name of the KEK.</param>
/// <param name="notice">How long nodes have to fetch the version before one of them writes with it.</param>
internal sealed class BrokerKekRotation(AdministrationClient broker, string kek, TimeSpan notice) : IKekRotation
{
    public async Task<string?> AdvanceAsync(CancellationToken cancellation)
    {
        DateTimeOffset? activeAt = notice == TimeSpan.Zero ? null : DateTimeOffset.UtcNow + notice;
        KekSummary made = await broker.RotateKekAsync(kek, activeAt, cancellation);
        return made.Versions.MaxBy(version => version.Version)!.KeyId;
    }

    public async Task RetireAsync(string keyId, KekScanRecord scan, CancellationToken cancellation)
    {
        KekSummary summary = await broker.GetKekAsync(kek, cancellation);
        KekVersionSummary old = summary.Versions.FirstOrDefault(version => version.KeyId == keyId)
            ?? throw new CliException($"--retire: KEK {kek} of the broker has no version {keyId}; 'cloister kek list' shows them", ExitCode.No);
        await broker.DisableAsync(kek, old.Version, new DisableKekRequest(scan), cancellation);
    }

    public string HowToRetire(string keyId) => $"cloister kek disable --name {kek} with the version of {keyId} and --endpoints of etcd, and later cloister kek destroy";
}
