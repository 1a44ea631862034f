namespace Cloister.Cli.Doctor;

/// <summary>When a check makes sense.</summary>
internal enum DoctorPhase
{
    /// <summary>Before anything is started: the machine and the files.</summary>
    Preflight,

    /// <summary>One node that runs.</summary>
    Node,

    /// <summary>All nodes, broker, etcd and backups.</summary>
    Cluster,
}

/// <summary>What a check came to, the worst last.</summary>
internal enum CheckState
{
    /// <summary>It does not apply here, or was not asked for.</summary>
    Skipped,

    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, but not as it should for long.</summary>
    Warn,

    /// <summary>It does not work, does not protect, or cannot be told.</summary>
    Error,
}

/// <summary>One thing that was seen.</summary>
/// <param name="State">How bad it is.</param>
/// <param name="Target">Where: a socket, a file, a unit.</param>
/// <param name="Seen">What was seen.</param>
/// <param name="Fix">What to do; empty when nothing is.</param>
/// <param name="Command">A command that does it or shows more; empty: none.</param>
internal sealed record Finding(CheckState State, string Target, string Seen, string Fix = "", string Command = "")
{
    internal static Finding Ok(string target, string seen) => new(CheckState.Ok, target, seen);

    internal static Finding Warn(string target, string seen, string fix, string command = "") => new(CheckState.Warn, target, seen, fix, command);

    internal static Finding Error(string target, string seen, string fix, string command = "") => new(CheckState.Error, target, seen, fix, command);

    /// <summary>Ok, or an error.</summary>
    internal static Finding ErrorUnless(bool good, string target, string seen, string fix, string command = "") =>
        good ? Ok(target, seen) : Error(target, seen, fix, command);

    /// <summary>Ok, or a warning.</summary>
    internal static Finding WarnUnless(bool good, string target, string seen, string fix, string command = "") =>
        good ? Ok(target, seen) : Warn(target, seen, fix, command);
}

/// <summary>One check: data, and the function that looks.</summary>
/// <param name="Id">Its name for <c>--only</c> and <c>--skip</c>; what stands before the first hyphen is its group.</param>
/// <param name="Phase">When it makes sense.</param>
/// <param name="Title">What holds when it is ok.</param>
/// <param name="Document">Where that is explained.</param>
/// <param name="Run">Looks. Throws <see cref="SkippedException"/> where it does not apply.</param>
internal sealed record Check(string Id, DoctorPhase Phase, string Title, string Document, Func<DoctorScope, CancellationToken, Task<IEnumerable<Finding>>> Run)
{
    internal string Group => Id[..Id.IndexOf('-', StringComparison.Ordinal)];

    /// <summary>A check that asks nobody.</summary>
    internal static Check Of(string id, DoctorPhase phase, string title, string document, Func<DoctorScope, IEnumerable<Finding>> run) =>
        new(id, phase, title, document, (scope, _) => Task.FromResult(run(scope)));

    /// <summary>A check with one answer that asks nobody.</summary>
    internal static Check Of(string id, DoctorPhase phase, string title, string document, Func<DoctorScope, Finding> run) =>
        new(id, phase, title, document, (scope, _) => Task.FromResult<IEnumerable<Finding>>([run(scope)]));

    /// <summary>A check of each of some things that others ask for too.</summary>
    internal static Check Each<T>(
        string id, DoctorPhase phase, string title, string document, Func<DoctorScope, Task<IReadOnlyList<T>>> facts, Func<DoctorScope, T, IEnumerable<Finding>> run) =>
        new(id, phase, title, document, async (scope, _) => (await facts(scope)).SelectMany(fact => run(scope, fact)));
}

/// <summary>A check does not apply here; the message says why.</summary>
internal sealed class SkippedException(string why) : Exception(why);
