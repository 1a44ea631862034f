using System.Globalization;
using Cloister.AdminApi;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>
/// Whether a KEK version may be taken away from reads: not before a scan of all of etcd found nothing that names it, twice, or somebody said in so many
/// words that such values may be lost. Every verb that retires, disables, destroys or wipes asks here.
/// </summary>
/// <param name="Scan">etcd, to be read now; null when it is not.</param>
/// <param name="Confirm">Between two scans: who still writes with the old version, such as an API server with its old seed, is found by the second.</param>
/// <param name="CoverageFile">A report of <c>etcd coverage</c> in place of a scan; null for none.</param>
/// <param name="ExpectedCluster">The cluster that the report has to be of.</param>
/// <param name="MaxAge">How old the report may be.</param>
/// <param name="AllowEmpty">No keys, or none that a KEK of this enclave or broker encrypts, are fine.</param>
/// <param name="Waiver">What was said to do it without a scan; null when nothing was.</param>
internal sealed record KekRemoval(
    KekScan? Scan, TimeSpan Confirm, string? CoverageFile, string? ExpectedCluster, TimeSpan MaxAge, bool AllowEmpty, string? Waiver)
{
    private const int MostKeysShown = 5;

    /// <summary>Asks whether versions may go.</summary>
    /// <param name="keyIds">Their key_ids.</param>
    /// <param name="known">All key_ids that the enclave or broker has, those too: etcd is taken for theirs when values name one.</param>
    /// <param name="waiver">What <see cref="Waiver"/> has to repeat.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>What the audit log is to keep.</returns>
    /// <exception cref="CliException">They may not; the message says which values need them and what to do.</exception>
    internal async Task<KekScanRecord> ClearAsync(
        IReadOnlyList<string> keyIds, IReadOnlyCollection<string> known, string waiver, TimeProvider time, CancellationToken cancellation)
    {
        string which = string.Join(", ", keyIds);
        if (Waiver is not null)
        {
            if (Waiver != waiver)
            {
                throw new CliException($"--without-scan has to repeat {waiver}: every value that {which} encrypts will be lost");
            }

            Say($"NO SCAN of etcd: whatever is still encrypted with {which} cannot be read from now on");
            return KekScanRecord.WithoutScan;
        }

        if (CoverageFile is not null)
        {
            KekScanView told = KekScanView.Read(CoverageFile);
            CheckFile(told, time);
            Check(told, keyIds, known);
            return told.Record;
        }

        if (Scan is null)
        {
            throw new CliException(
                $"whether values of etcd still need {which} is not known: give --endpoints of etcd, which is scanned, or --coverage FILE with a fresh report; "
                + $"or --without-scan {waiver}, which loses every value that is still encrypted with it");
        }

        Check(await ScanAsync(time, cancellation), keyIds, known);
        if (Confirm > TimeSpan.Zero)
        {
            Say(string.Create(CultureInfo.InvariantCulture, $"nothing needs {which}; once more in {Confirm.TotalSeconds} s, for those who still write with it"));
            await Task.Delay(Confirm, time, cancellation);
        }

        KekScanView last = await ScanAsync(time, cancellation);
        Check(last, keyIds, known);
        Warn(last, keyIds);
        return last.Record;
    }

    private static void Say(string text) => Console.Error.WriteLine($"cloister: {text}");

    private static void Warn(KekScanView scan, IReadOnlyList<string> keyIds)
    {
        foreach (string keyId in keyIds)
        {
            if (scan.Find(keyId) is { History: > 0 } finding)
            {
                Say($"warning: {finding.History} older revisions of values are under {keyId} until etcd compacts them: they, and backups with such values, cannot be read afterwards");
            }
        }

        if (!scan.InnerChecked)
        {
            Say("warning: nobody looked for values that are encrypted twice: --secrets-socket names an enclave that can");
        }

        if (scan.Prefix.Length > 0)
        {
            Say($"warning: only keys under {CliOutput.Shown(scan.Prefix)} were looked at");
        }
    }

    private async Task<KekScanView> ScanAsync(TimeProvider time, CancellationToken cancellation)
    {
        KekScanReport report = await Scan!.RunAsync(time, cancellation);
        Say($"scanned {report.Scope}");
        return KekScanView.Of(report);
    }

    private void CheckFile(KekScanView scan, TimeProvider time)
    {
        if (ExpectedCluster != scan.ClusterId)
        {
            throw new CliException($"--coverage: the report is of etcd cluster {CliOutput.Shown(scan.ClusterId)}, --etcd-cluster says {ExpectedCluster}", ExitCode.No);
        }

        TimeSpan age = time.GetUtcNow() - scan.Time;
        if (age > MaxAge || age < TimeSpan.FromMinutes(-1))
        {
            throw new CliException(
                $"--coverage: the report is of {scan.Time:yyyy-MM-dd'T'HH:mm:ss'Z'}; it may be {MaxAge.TotalSeconds} s old at most (--coverage-age): take another one", ExitCode.No);
        }

        if (scan.Prefix.Length > 0)
        {
            throw new CliException($"--coverage: the report looked at keys under {CliOutput.Shown(scan.Prefix)} only; take one of all keys, without --scan-prefix", ExitCode.No);
        }
    }

    private void Check(KekScanView scan, IReadOnlyList<string> keyIds, IReadOnlyCollection<string> known)
    {
        string where = $"the scan of {scan.Keys} keys {KekScanReport.PrefixText(scan.Prefix)} of etcd cluster {CliOutput.Shown(scan.ClusterId)} at revision {scan.Revision}";
        List<string> needed = [.. keyIds.Where(keyId => scan.Find(keyId) is { Values: > 0 })];
        if (needed.Count > 0)
        {
            throw new CliException(
                $"{where} found values that need it, nothing was removed: {string.Join("; ", needed.Select(keyId => Describe(keyId, scan.Find(keyId)!)))}. "
                + "Bring them over first: 'cloister etcd rewrap --prefix' for KMS v2 values of the enclave's provider; docs/rewrap.md, \"Before a KEK goes\", for all others",
                ExitCode.No);
        }

        if (!AllowEmpty && !known.Any(keyId => scan.Find(keyId) is { Values: > 0 }))
        {
            throw new CliException(
                $"{where} found no value that any KEK here encrypts, so it says nothing: check that --endpoints is this cluster's etcd itself, not a gateway, and the prefix; --allow-empty when there are no such values",
                ExitCode.No);
        }
    }

    private static string Describe(string keyId, KekFinding finding)
    {
        string keys = string.Join(", ", finding.Keys.Take(MostKeysShown).Select(CliOutput.Shown));
        return $"{keyId} is needed by {CliOutput.Shown(finding.Where)} ({keys}{(finding.Values > MostKeysShown ? ", ..." : "")})";
    }
}
