namespace Cloister.Administration.Client;

/// <summary>No answer of the broker that was asked for. The message says why and what to do.</summary>
/// <param name="message">For the administrator.</param>
/// <param name="inner">What the connection said.</param>
public sealed class BrokerUnreachableException(string message, Exception? inner = null) : Exception(message, inner);
