namespace Cloister.Broker.Administration;

/// <summary>An act that was refused. The message says what to do and holds no secrets.</summary>
public sealed class AdministrationException : Exception
{
    /// <summary>Makes the refusal.</summary>
    public AdministrationException(string message, AdministrationFailure failure = AdministrationFailure.Refused)
        : base(message) => Failure = failure;

    /// <summary>Why.</summary>
    public AdministrationFailure Failure { get; }
}
