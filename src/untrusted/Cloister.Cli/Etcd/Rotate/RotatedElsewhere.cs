using Cloister.AdminApi;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>A broker or a remote KMS made the new version already.</summary>
internal sealed class RotatedElsewhere : IKekRotation
{
    public Task<string?> AdvanceAsync(CancellationToken cancellation) => Task.FromResult<string?>(null);

    public Task RetireAsync(string keyId, KekScanRecord scan, CancellationToken cancellation) =>
        throw new CliException("--retire is for custody manual: retire the old version where it was made, at the broker or the remote KMS");

    public string HowToRetire(string keyId) => "retire the old version where it was made, at the broker or the remote KMS";
}
