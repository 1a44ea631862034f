namespace Cloister.LaunchMeasurement;

/// <summary>A file or a value from which no launch can be measured. The message names it, says what is wrong, and where there is one, the way out.</summary>
public sealed class LaunchFileException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="subject">What is wrong: <c>firmware</c>, <c>kernel</c>, <c>command line</c> and so on.</param>
    /// <param name="problem">What is wrong with it.</param>
    public LaunchFileException(string subject, string problem)
        : base($"{subject}: {problem}")
    {
        Subject = subject;
    }

    /// <summary>What is wrong.</summary>
    public string Subject { get; }
}
