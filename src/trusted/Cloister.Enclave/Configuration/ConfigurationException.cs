namespace Cloister.Enclave.Configuration;

/// <summary>A configuration that is not accepted: everything that is wrong with it, not only the first thing.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Makes the failure.</summary>
    public ConfigurationException(IReadOnlyList<ConfigurationError> errors)
        : base(string.Join('\n', errors))
    {
        Errors = errors;
    }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<ConfigurationError> Errors { get; }
}
