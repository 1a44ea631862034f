namespace Cloister.Broker.Host.Serving;

/// <summary>A request that is refused. The message is what the client is told: what is wrong and what to do; no secrets.</summary>
internal sealed class ProtocolException(ProtocolError error, string detail) : Exception(detail)
{
    /// <summary>Its name and status.</summary>
    public ProtocolError Error { get; } = error;
}
