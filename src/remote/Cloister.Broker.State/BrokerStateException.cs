namespace Cloister.Broker.State;

/// <summary>An operation on the broker's state failed. The message names no secret.</summary>
/// <param name="error">Why.</param>
/// <param name="message">For an operator.</param>
/// <param name="inner">What the database said, if it was the database.</param>
public sealed class BrokerStateException(BrokerStateError error, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public BrokerStateError Error { get; } = error;
}
