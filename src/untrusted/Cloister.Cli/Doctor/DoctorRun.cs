using Cloister.Cli.Doctor.Checks;
using Grpc.Core;

namespace Cloister.Cli.Doctor;

/// <summary>A check with one thing that it saw.</summary>
internal sealed record CheckResult(Check Check, Finding Finding);

/// <summary>Runs checks one after the other. One that fails, hangs or cannot look never ends the others: it is an error of its own.</summary>
internal static class DoctorRun
{
    /// <summary>Every check, in the order in which they are run and printed.</summary>
    internal static IReadOnlyList<Check> All { get; } =
    [
        .. HostChecks.All, .. TeeChecks.All, .. ConfigurationChecks.All, .. UnitChecks.All, .. SocketChecks.All, .. KmsChecks.All, .. EnclaveChecks.All,
        .. ApiServerChecks.All, .. GatewayChecks.All, .. BrokerChecks.All, .. ClusterChecks.All, .. EtcdChecks.All, .. BackupChecks.All,
    ];

    /// <summary>Longest that a check may take.</summary>
    internal static TimeSpan Limit { get; } = TimeSpan.FromSeconds(60);

    /// <summary>The checks that are asked for.</summary>
    /// <param name="only">Ids, groups or phases; none: all.</param>
    /// <param name="skip">Ids, groups or phases to leave out.</param>
    /// <exception cref="CliException">A name is none of these.</exception>
    internal static IReadOnlyList<Check> Select(IReadOnlyList<string> only, IReadOnlyList<string> skip)
    {
        string[] known = [.. Enum.GetNames<DoctorPhase>().Select(name => name.ToLowerInvariant()), .. All.Select(check => check.Group).Distinct(), .. All.Select(check => check.Id)];
        foreach (string name in only.Concat(skip).Where(name => !known.Contains(name)))
        {
            string[] near = [.. Output.CommandLineErrors.Near(name, known).Concat(known.Where(one => name.Length > 0 && one.Contains(name, StringComparison.Ordinal))).Distinct().Take(5)];
            throw new CliException($"'{Output.CliOutput.Shown(name)}' is no check, group or phase{(near.Length > 0 ? $": did you mean {string.Join(" or ", near)}?" : "")} 'cloister doctor --list' shows all");
        }

        return [.. All.Where(check => (only.Count == 0 || only.Any(name => IsNamed(check, name))) && !skip.Any(name => IsNamed(check, name)))];
    }

    /// <summary>Runs them.</summary>
    internal static async Task<IReadOnlyList<CheckResult>> RunAsync(IEnumerable<Check> checks, DoctorScope scope, TimeSpan limit, CancellationToken cancellation)
    {
        List<CheckResult> results = [];
        foreach (Check check in checks)
        {
            results.AddRange((await LookAsync(check, scope, limit, cancellation)).Select(finding => new CheckResult(check, finding)));
        }

        return results;
    }

    private static bool IsNamed(Check check, string name) => name == check.Id || name == check.Group || name == DoctorReport.Name(check.Phase);

    private static async Task<IReadOnlyList<Finding>> LookAsync(Check check, DoctorScope scope, TimeSpan limit, CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(limit);
        try
        {
            // A check that does not heed its token is left behind.
            IReadOnlyList<Finding> findings = [.. await Task.Run(() => check.Run(scope, deadline.Token), deadline.Token).WaitAsync(deadline.Token)];
            return findings.Count > 0 ? findings : [new Finding(CheckState.Skipped, "", "nothing here to look at")];
        }
        catch (SkippedException e)
        {
            return [new Finding(CheckState.Skipped, "", e.Message)];
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            return [Failed(e, limit)];
        }
    }

    private static Finding Failed(Exception e, TimeSpan limit) => e switch
    {
        OperationCanceledException => Finding.Error("", $"no answer within {limit.TotalSeconds:0} s", "see what it waits for: the other checks of this group say whether the peer is there"),
        UnauthorizedAccessException => Finding.Error("", $"it cannot be told: {e.Message}", "run this as root", "sudo cloister doctor"),
        RpcException rpc => Finding.Error("", $"it cannot be told: {Enclaves.EnclaveChannel.Explain(rpc)}", "do what the text says, then run it again"),
        _ => Finding.Error("", $"it cannot be told: {e.Message}", "do what the text says, then run it again"),
    };
}
