namespace Cloister.Enclave.Configuration;

/// <summary>One thing that is wrong with a configuration.</summary>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ConfigurationError(long Line, long Column, string Message)
{
    /// <summary><c>line:column: message</c>.</summary>
    public override string ToString() => $"{Line}:{Column}: {Message}";
}
