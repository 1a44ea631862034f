using System.Buffers.Binary;
using System.Diagnostics;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// One call on one stream: its request as it arrives, its answer as it is sent. Source: gRPC over HTTP2, Length-Prefixed-Message. Used again for later
/// calls. The session's gate guards it. secrets: its buffers, wiped by <see cref="End"/>.
/// </summary>
internal sealed class ServerCall : OutgoingMessage
{
    /// <summary>Compressed-Flag (1), Message-Length (4).</summary>
    internal const int PrefixSize = 5;

    private readonly byte[] _prefix = new byte[PrefixSize];
    private int _prefixLength;
    private int _sent;

    internal ServerCall(int maxMessageSize)
        : base(0)
    {
        Request = new WipedBuffer(maxMessageSize);
        Response = new WipedBuffer(PrefixSize + maxMessageSize);
        Incomplete = new LinkedListNode<ServerCall>(this);
    }

    internal CallState State { get; private set; } = CallState.Over;

    internal ServerSession? Session { get; private set; }

    internal int Id { get; private set; }

    /// <summary>The path, for logs.</summary>
    internal string Name { get; private set; } = "";

    /// <summary>Null when nothing serves its path.</summary>
    internal ServiceMethod? Handler { get; private set; }

    /// <summary>Where it is counted, once it has begun.</summary>
    internal CallMeter? Meter { get; private set; }

    internal WipedBuffer Request { get; }

    /// <summary>The prefix, then the message.</summary>
    internal WipedBuffer Response { get; }

    internal UnaryCall Call { get; } = new();

    /// <summary>Bytes of the request's message; below zero while its prefix is arriving.</summary>
    internal int Length { get; private set; }

    /// <summary>What content-length said that is still to come; null when it said nothing.</summary>
    internal long? Announced { get; set; }

    /// <summary>The client has sent END_STREAM.</summary>
    internal bool SourceEnded { get; set; }

    /// <summary>Its handler was called.</summary>
    internal bool HasRun { get; set; }

    /// <summary>What the client may still send.</summary>
    internal int ReceiveWindow { get; set; }

    /// <summary>What it sent and was not granted again.</summary>
    internal int Ungranted { get; set; }

    /// <summary>Its place among those that are not whole; the next three are the budget's.</summary>
    internal LinkedListNode<ServerCall> Incomplete { get; }

    internal long Since { get; set; }

    internal long Charged { get; set; }

    /// <summary>Why it had to give way, or null.</summary>
    internal FailureException? Loss { get; set; }

    internal override bool IsGone => State == CallState.Over;

    internal override int DestinationId => Id;

    internal override int PendingLength => State == CallState.Answering ? Response.Length - _sent : 0;

    internal override ReadOnlySpan<byte> Pending => Response.Written.Span[_sent..];

    internal override bool Complete => State == CallState.Answering;

    internal override void Consume(int count) => _sent += count;

    internal void Begin(ServerSession session, int id, string name, ServiceMethod? handler, CallMeter meter, int sendWindow)
    {
        if (State != CallState.Over || Request.Length + Response.Length > 0)
        {
            throw new UnreachableException("a call that is used again is over and empty");
        }

        Begin(sendWindow);
        (Session, Id, Name, Handler, Meter, State) = (session, id, name, handler, meter, CallState.Receiving);
        (Length, _prefixLength, _sent, Announced, SourceEnded, HasRun) = (-1, 0, 0, null, false, false);
        (ReceiveWindow, Ungranted) = (FlowControl.StreamWindow, 0);
    }

    /// <summary>The only way from one state to the next.</summary>
    /// <exception cref="UnreachableException">Not that one follows: a fault of this program, which ends the connection.</exception>
    internal void MoveTo(CallState next)
    {
        bool follows = (State, next) is (CallState.Receiving, CallState.Running or CallState.Answering or CallState.Over)
            or (CallState.Running, CallState.Abandoned or CallState.Answering)
            or (CallState.Abandoned or CallState.Answering, CallState.Over);
        State = follows ? next : throw new UnreachableException($"{State} is not followed by {next}");
    }

    /// <summary>Takes what belongs to the prefix.</summary>
    /// <param name="content">What arrived; what is left of it belongs to the message.</param>
    /// <param name="maxMessageSize">Of a message.</param>
    /// <returns>True when the length is known from now on.</returns>
    /// <exception cref="FailureException">The message is not one that is accepted.</exception>
    internal bool TakePrefix(ref ReadOnlySpan<byte> content, int maxMessageSize)
    {
        if (Length >= 0)
        {
            return false;
        }

        int count = Math.Min(content.Length, PrefixSize - _prefixLength);
        content[..count].CopyTo(_prefix.AsSpan(_prefixLength));
        content = content[count..];
        _prefixLength += count;
        if (_prefixLength < PrefixSize)
        {
            return false;
        }

        if (_prefix[0] != 0)
        {
            throw new FailureException(FailureKind.NotSupported, "compressed messages are not accepted");
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(_prefix.AsSpan(1));
        Length = length <= (uint)maxMessageSize
            ? (int)length
            : throw new FailureException(FailureKind.LimitReached, $"the message has {length} bytes, at most {maxMessageSize} are accepted");
        return true;
    }

    /// <summary>Takes what belongs to the message.</summary>
    /// <param name="content">What arrived.</param>
    /// <param name="first">The length is known from now on.</param>
    /// <exception cref="FailureException">The message is longer than its prefix said, or there is no memory for it.</exception>
    internal void Append(ReadOnlySpan<byte> content, bool first)
    {
        if (Length >= 0 && content.Length > Length - Request.Length)
        {
            throw new FailureException(FailureKind.Invalid, "the request has bytes after its message");
        }

        if (first)
        {
            Request.Reserve(Length);
        }

        Request.Append(content);
    }

    /// <summary>The request has ended.</summary>
    /// <exception cref="FailureException">Not with its message.</exception>
    internal void CheckWhole()
    {
        if (Request.Length != Length)
        {
            throw new FailureException(FailureKind.Invalid, "the request's message is truncated");
        }
    }

    /// <summary>Makes room for the answer's prefix.</summary>
    internal void BeginResponse()
    {
        Response.GetSpan(PrefixSize)[..PrefixSize].Clear();
        Response.Advance(PrefixSize);
    }

    /// <summary>Its handler has written the answer.</summary>
    internal void CompleteResponse() => BinaryPrimitives.WriteInt32BigEndian(Response.Prefix(PrefixSize)[1..], Response.Length - PrefixSize);

    /// <summary>Wipes it.</summary>
    internal void End()
    {
        Request.Reset();
        Response.Reset();
        Call.Reset();
        Session = null;
    }
}
