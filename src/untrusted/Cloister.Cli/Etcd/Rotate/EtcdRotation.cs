using Cloister.AdminApi;
using Cloister.Cli.Etcd.Rewrap;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Output;
using Cloister.Contracts.SecretsV1;
using Google.Protobuf;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>A rotation from the new KEK version to the proof that nothing is left under the old one. May be stopped and started again.</summary>
/// <param name="Etcd">etcd.</param>
/// <param name="Kek">Name of the KEK, where it is known.</param>
/// <param name="SecretsSockets">The secrets socket of one node, for rewrapping; better of all, which are waited for as well; of all nodes when the KEK is one of namespaces.</param>
/// <param name="KmsSockets">KMS sockets of all nodes; none when the KEK is one of namespaces.</param>
/// <param name="Rewrap">How values are written again.</param>
/// <param name="Settle">How long API servers that hold a seed of their own may take to ask for the new key_id.</param>
/// <param name="Timeout">How long nodes and values may take to come over.</param>
/// <param name="Retire">The old key_id, when it is to be retired at the end.</param>
/// <param name="ScanPrefix">Keys that are looked at for values which need the old version; empty for all of etcd.</param>
/// <param name="Confirm">Between the two scans before it is retired.</param>
internal sealed record EtcdRotation(
    EtcdOptions Etcd, string? Kek, IReadOnlyList<string> SecretsSockets, IReadOnlyList<string> KmsSockets, RewrapOptions Rewrap, TimeSpan Settle, TimeSpan Timeout, string? Retire,
    string ScanPrefix, TimeSpan Confirm)
{
    /// <summary>The hash that a plan was shown with; null: no plan was asked for.</summary>
    internal string? Plan { get; init; }

    private static readonly TimeSpan BetweenRounds = TimeSpan.FromSeconds(5);

    internal async Task<RotateReport> RunAsync(IKekRotation rotation, CancellationToken cancellation)
    {
        await RefuseNothingAsync(cancellation);
        StatusResponse before = await EnclaveSecrets.StatusAsync(SecretsSockets[0], cancellation);
        CurrentKeyIds current = CurrentKeyIds.Of(before);

        // A rule may name the default KEK as well: then every node's Status says which version it writes with.
        string? named = Kek is not null && current.OfKek(Kek) is { } known && known != before.KeyId ? Kek : null;
        string oldKeyId = named is null ? before.KeyId : current.OfKek(named)!;
        IReadOnlyList<string> nodes = Nodes(named);
        string? expected = await rotation.AdvanceAsync(cancellation);
        if (Retire is not null && Retire == expected)
        {
            throw new CliException("--retire names the new version: nothing would be readable any more; it has to name the old one");
        }

        Say(expected is null ? "waiting until all nodes write with one KEK" : $"new version {expected}: waiting for all nodes");
        string keyId = await NodeConvergence.WaitAsync(nodes, kms: named is null, named, expected, Timeout, cancellation);
        if (named is null)
        {
            // Those sockets are of the same processes, or of more: with the same custody as the gateway there.
            await NodeConvergence.WaitAsync(SecretsSockets, kms: false, named, keyId, Timeout, cancellation);
        }

        if (Settle > TimeSpan.Zero)
        {
            Say($"all nodes write with {keyId}; {Settle.TotalSeconds} s for API servers to take it up");
            await Task.Delay(Settle, cancellation);
        }

        (RewrapReport rewrap, CoverageReport coverage) = await UntilNothingIsStaleAsync(before.Provider, named, keyId, cancellation);
        string old = oldKeyId == keyId ? "" : oldKeyId;
        return await EndAsync(rotation, new RotateReport(old, keyId, nodes.Count, rewrap, coverage, Retired: false), cancellation);
    }

    // Coverage looked at KMS v2 values of one provider under the prefix. What needs the old version may be anything anywhere.
    private async Task<RotateReport> EndAsync(IKekRotation rotation, RotateReport report, CancellationToken cancellation)
    {
        if (!report.Ok || (Retire ?? report.OldKeyId).Length == 0)
        {
            return report;
        }

        string old = Retire ?? report.OldKeyId;
        await HoldToPlanAsync(report.NewKeyId, cancellation);
        KekRemoval removal = new(
            new KekScan(Etcd, ScanPrefix, SecretsSockets[0]), Retire is null ? TimeSpan.Zero : Confirm, CoverageFile: null, ExpectedCluster: null, TimeSpan.Zero, Rewrap.AllowEmpty, Waiver: null);
        KekScanRecord scan;
        try
        {
            scan = await removal.ClearAsync([old], [report.NewKeyId], old, TimeProvider.System, cancellation);
        }
        catch (CliException e) when (e.ExitCode == ExitCode.No)
        {
            Say(e.Message);
            return report with { Needed = e.Message };
        }

        if (Retire is not null)
        {
            await rotation.RetireAsync(Retire, scan, cancellation);
            return report with { Retired = true };
        }

        Say($"nothing in etcd needs {old} any more; when no backup does either: {rotation.HowToRetire(old)}");
        return report;
    }

    // What was looked at before somebody said yes is what it is now: the same nodes, the same etcd, the same versions.
    private async Task HoldToPlanAsync(string newKeyId, CancellationToken cancellation)
    {
        if (Plan is null)
        {
            return;
        }

        using EtcdClient client = new(Etcd);
        string now = RotationStatus.PlanHash((await client.HeaderAsync(cancellation)).ClusterId, KmsSockets, newKeyId, Retire!);
        if (now != Plan)
        {
            throw new CliException($"--plan is not what is now ({now}): nodes, etcd or the version that writes use are others; nothing was retired. 'cloister etcd rotation status --retire' shows the plan", ExitCode.No);
        }
    }

    // Before anything is changed: with a prefix that covers nothing, the proof at the end would be one of nothing.
    private async Task RefuseNothingAsync(CancellationToken cancellation)
    {
        using EtcdClient client = new(Etcd);
        if (!Rewrap.AllowEmpty && await client.CountAsync(ByteString.CopyFromUtf8(Rewrap.Prefix), cancellation) == 0)
        {
            throw new CliException($"no keys under {CliOutput.Shown(Rewrap.Prefix)}, nothing was changed: check --endpoints and --prefix, or say --allow-empty", ExitCode.No);
        }
    }

    private IReadOnlyList<string> Nodes(string? named)
    {
        if (named is null)
        {
            return KmsSockets.Count > 0
                ? KmsSockets
                : throw new CliException("--socket is needed, the KMS socket of every node: all have to write with the new version before anything is written again");
        }

        return KmsSockets.Count <= SecretsSockets.Count
            ? SecretsSockets
            : throw new CliException($"KEK {named} is one of namespaces, which KMS sockets do not show: give --secrets-socket for every node in place of --socket");
    }

    // What nodes say is held against what is in etcd: a value that was written after all had come over, by an API server with its old seed or by
    // a gateway of a node that was not named, and is not under the new version. Then it is not the end, and nothing is retired.
    private async Task<(RewrapReport Rewrap, CoverageReport Coverage)> UntilNothingIsStaleAsync(string provider, string? named, string keyId, CancellationToken cancellation)
    {
        long deadline = Environment.TickCount64 + (long)Timeout.TotalMilliseconds;
        while (true)
        {
            RewrapOptions options = Rewrap with { ConvergedAt = await RevisionAsync(cancellation) };
            RewrapReport rewrap = await RewrapCommand.RunAsync(Etcd, SecretsSockets[0], options, cancellation);
            CurrentKeyIds current = CurrentKeyIds.Of(rewrap.Enclave);
            string? now = named is null ? current.Default : current.OfKek(named);
            if (now != keyId)
            {
                throw new CliException($"the node behind {SecretsSockets[0]} writes with {now}, the nodes of --socket with {keyId}: is it one of them?", ExitCode.No);
            }

            Coverage coverage = new(new CoverageRules(Requirement.Current, provider, current), maxOffenders: 20);
            CoverageReport report = await CoverageCommand.ReadAsync(Etcd, Rewrap.Prefix, scanPrefix: null, coverage, check: null, allowEmpty: true, cancellation);
            bool done = coverage.Stale == 0 && rewrap.Counts.Late == 0;
            if (done || rewrap.Counts.Undecryptable + rewrap.Counts.NoKek > 0 || Environment.TickCount64 > deadline)
            {
                return (rewrap, report);
            }

            Say($"{coverage.Stale + rewrap.Counts.Late} values were written with another KEK meanwhile: once more");
            await Task.Delay(BetweenRounds, cancellation);
        }
    }

    private async Task<long> RevisionAsync(CancellationToken cancellation)
    {
        using EtcdClient client = new(Etcd);
        return (await client.HeaderAsync(cancellation)).Revision;
    }

    private static void Say(string text) => Console.Error.WriteLine($"cloister: {text}");
}
