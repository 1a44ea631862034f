using System.Buffers.Binary;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>Arithmetic of windows. Source: RFC 9113, sections 5.2 and 6.9. Stateless. secrets: none.</summary>
internal static class FlowControl
{
    /// <summary>Window of a connection, and of a stream unless announced otherwise.</summary>
    internal const int DefaultWindow = 65_535;

    /// <summary>Window of a stream that is announced here: memory that a stream may take before its reader reads.</summary>
    internal const int StreamWindow = 512 * 1024;

    /// <summary>Window of a connection that is announced here. It bounds what is on the wire only: what was received is granted again at once.</summary>
    internal const int ConnectionWindow = 4 * 1024 * 1024;

    /// <summary>The increment of a WINDOW_UPDATE; 0 is for the caller to refuse.</summary>
    internal static int ReadIncrement(ReadOnlySpan<byte> payload) => payload.Length == 4
        ? (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & int.MaxValue)
        : throw new Http2Exception(PeerFault.WindowUpdateSize);
}
