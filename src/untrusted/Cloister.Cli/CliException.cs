namespace Cloister.Cli;

/// <summary>A command that cannot do its work. The message says what is wrong and what to do.</summary>
internal sealed class CliException : Exception
{
    internal CliException(string message, int exitCode = Cli.ExitCode.Usage)
        : base(message)
    {
        ExitCode = exitCode;
    }

    internal int ExitCode { get; }
}
