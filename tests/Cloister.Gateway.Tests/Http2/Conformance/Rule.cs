using Cloister.Enclave.Wire.Http2;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Http2.Conformance;

/// <summary>What becomes of a frame that breaks a rule, or keeps it.</summary>
internal enum Scope
{
    /// <summary>Nothing happens.</summary>
    None,

    /// <summary>RST_STREAM with the code, and the connection goes on.</summary>
    Stream,

    /// <summary>GOAWAY with the code, then the end of the connection.</summary>
    Connection,
}

/// <summary>State of stream 1 before the frame is sent, as its sender sees it. Source: RFC 9113, section 5.1.</summary>
internal enum State
{
    Idle,
    Open,

    /// <summary>Its peer has sent END_STREAM, the sender nothing yet.</summary>
    HalfClosedRemote,

    /// <summary>The sender has sent END_STREAM, its peer not.</summary>
    HalfClosed,

    /// <summary>Both have sent END_STREAM.</summary>
    Closed,

    /// <summary>The sender has reset it.</summary>
    ResetBySender,

    /// <summary>The gateway has reset it.</summary>
    ResetByGateway,
}

/// <summary>One rule of RFC 9113 or RFC 7541 and a way to break or to keep it.</summary>
/// <param name="Section">Of RFC 9113, or of RFC 7541 when it begins with HPACK.</param>
/// <param name="What">What is sent.</param>
/// <param name="State">Of stream 1.</param>
/// <param name="Send">Sends it.</param>
/// <param name="Scope">What is expected.</param>
/// <param name="Code">With that.</param>
/// <param name="StreamId">The stream that is to be reset.</param>
internal sealed record Rule(string Section, string What, State State, Action<RawPeer> Send, Scope Scope, Http2ErrorCode Code = Http2ErrorCode.NoError, int StreamId = 1)
{
    internal string Name => $"{Section} {State}: {What}";
}
