namespace Cloister.Enclave.Base;

/// <summary>How much a line matters.</summary>
public enum LogLevel
{
    /// <summary>What happens.</summary>
    Information,

    /// <summary>What somebody should look at.</summary>
    Warning,

    /// <summary>What somebody has to look at.</summary>
    Error,
}

/// <summary>Takes a line of the log. secrets: none.</summary>
/// <param name="level">How much it matters.</param>
/// <param name="id">The number of its kind.</param>
/// <param name="text">One line.</param>
public delegate void LogLine(LogLevel level, int id, string text);
