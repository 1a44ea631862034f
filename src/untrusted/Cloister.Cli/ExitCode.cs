namespace Cloister.Cli;

/// <summary>What a verb's exit code says.</summary>
internal static class ExitCode
{
    /// <summary>Done, or the answer is yes.</summary>
    internal const int Done = 0;

    /// <summary>Wrong usage, or something the command needs is not there.</summary>
    internal const int Usage = 1;

    /// <summary>The answer is no.</summary>
    internal const int No = 2;
}
