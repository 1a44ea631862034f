namespace Cloister.Enclave.Wire.Http2;

/// <summary>A peer broke the protocol and the whole connection ends. The text goes to that peer and the log: no bytes of the peer's. secrets: none.</summary>
internal sealed class Http2Exception : Exception
{
    internal Http2Exception(PeerFault fault)
        : base(fault.Text)
    {
        Fault = fault;
    }

    internal PeerFault Fault { get; }
}
