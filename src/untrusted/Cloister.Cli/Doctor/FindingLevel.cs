namespace Cloister.Cli.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, but not as it should for long.</summary>
    Warning,

    /// <summary>It does not work, or does not protect.</summary>
    Error,
}
