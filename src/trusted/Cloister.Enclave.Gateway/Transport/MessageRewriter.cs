using System.Buffers.Binary;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Makes gRPC messages out of DATA, has their values rewritten and lets them go on, one after the other: a message never overtakes one
/// that is still being decrypted. One for each direction, used by its thread. secrets: one message in clear, wiped.
/// </summary>
internal sealed class MessageRewriter
{
    private const int PrefixSize = 5;

    private readonly EtcdMessages _messages;
    private readonly EnclaveLog _log;
    private readonly int _maxMessageSize;
    private readonly WipedBuffer _output;
    private readonly CancellationToken _closing;
    private readonly LogRateLimiter _refusals = new();
    private ReadOnlyMemory<byte> _message;
    private FailureException? _failure;
    private long _charged;

    internal MessageRewriter(EtcdMessages messages, EnclaveLog log, int maxMessageSize, CancellationToken closing)
    {
        _messages = messages;
        _log = log;
        _maxMessageSize = maxMessageSize;
        _output = new WipedBuffer(int.MaxValue);
        _closing = closing;
    }

    /// <summary>Keeps DATA. Within the gate.</summary>
    /// <returns>False when there is no memory for it: the call was refused.</returns>
    internal static bool TryAppend(ProxySession session, StreamLeg leg, ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty || leg.Ended)
        {
            return true;
        }

        try
        {
            ByteQueue queue = leg.Kind == EtcdMessage.Opaque ? leg.ToSend ??= session.Rent() : leg.Received ??= session.Rent();
            queue.Append(content);
            if (leg == leg.Stream.Response && leg.Kind != EtcdMessage.Opaque && queue.Length >= PrefixSize)
            {
                // etcd announces what it then sends.
                queue.Expect(PrefixSize + (long)BinaryPrimitives.ReadUInt32BigEndian(queue.Span[1..]));
            }

            return true;
        }
        catch (FailureException e)
        {
            if (leg.Kind == EtcdMessage.Opaque && leg.Stream.Response == leg && leg.Sent + leg.PendingLength > 0)
            {
                // A part of a message that has no rest: a status behind it would not be read, a reset is.
                session.Break(leg.Stream);
            }
            else
            {
                session.Refuse(leg.Stream, e.Kind, e.Message);
            }

            return false;
        }
    }

    /// <summary>Takes the next message of a leg when all of it is here. Within the gate, as delivering it.</summary>
    internal bool TryTake(ProxySession session, StreamLeg leg)
    {
        leg.Busy = !leg.Stream.Gone && TryTake(session, leg, out _message);
        return leg.Busy;
    }

    /// <summary>Lets the rewritten message go on, or ends the call.</summary>
    internal void Deliver(ProxySession session, StreamLeg leg)
    {
        leg.Busy = false;
        try
        {
            if (leg.Stream.Gone)
            {
                session.Release(leg);
            }
            else if (_failure is not null)
            {
                leg.Received?.Clear();
                session.Refuse(leg.Stream, _failure.Kind, _failure.Message);
            }
            else
            {
                Deliver(session, leg, PrefixSize + _message.Length);
            }
        }
        finally
        {
            _output.Reset();
            session.Budget.Return(_charged);
            (_message, _failure, _charged) = (default, null, 0);
        }
    }

    private bool TryTake(ProxySession session, StreamLeg leg, out ReadOnlyMemory<byte> message)
    {
        message = default;
        if (leg.Received is not { Length: >= PrefixSize } received)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(received.Span[1..]);
        if (received.Span[0] != 0 || length > (uint)_maxMessageSize)
        {
            bool compressed = received.Span[0] != 0;
            received.Clear();
            session.Refuse(
                leg.Stream,
                compressed ? FailureKind.NotSupported : FailureKind.LimitReached,
                compressed
                    ? "the gateway does not read compressed messages: turn compression off"
                    : $"the message has {length} bytes, at most {_maxMessageSize} pass the gateway: read in pages, or raise gateway.maxMessageMiB");
            return false;
        }

        if (received.Length < PrefixSize + length)
        {
            return false;
        }

        message = received.Memory.Slice(PrefixSize, (int)length);
        return true;
    }

    /// <summary>Rewrites the message that was taken. Outside the gate.</summary>
    internal void Rewrite(ProxySession session, StreamLeg leg)
    {
        try
        {
            if (_message.Length >= PinnedBuffers.SmallestLarge)
            {
                // The values beside the message, and what it becomes.
                long size = 2L * PinnedBuffers.SizeOf(_message.Length);
                session.Budget.Take(size);
                _charged = size;
            }

            // Waits only when a remote KMS has to be asked, and that has a limit.
            ValueTask<RewriteResult> rewriting = _messages.RewriteAsync(leg.Kind, leg.Stream.Call, _message, _output, _closing);
            RewriteResult result = rewriting.IsCompleted ? rewriting.Result : rewriting.AsTask().GetAwaiter().GetResult();
            session.Counters.Rewritten(result);
        }
        catch (FailureException e)
        {
            _failure = e;
        }
        catch (EtcdRefusalException e)
        {
            // A transaction that etcd answered may have been applied: no code that a client takes as a reason to repeat it.
            _failure = new FailureException(e.IsAnswer ? FailureKind.Damaged : FailureKind.NotAllowed, e.Message);
            session.Counters.Refused(e);
            Tell(leg, e);
        }
        catch (OperationCanceledException)
        {
            _failure = new FailureException(FailureKind.Cancelled, "the connection is being closed");
        }
        catch (OutOfMemoryException)
        {
            _failure = PinnedBuffers.NoMemory(_message.Length);
        }
        catch (Exception e)
        {
            _log.Fault(leg.Stream.Path, e);
            _failure = new FailureException(FailureKind.Fault, "a fault in the gateway; its log has type and place");
        }
    }

    private void Tell(StreamLeg leg, EtcdRefusalException refusal)
    {
        if (!_refusals.TryAcquire(out long suppressed))
        {
            return;
        }

        if (refusal.IsAnswer)
        {
            _log.AnswerRefused(leg.Stream.Path, refusal.Detail, suppressed);
        }
        else
        {
            _log.KeyNotServed(refusal.Detail, suppressed);
        }
    }

    private void Deliver(ProxySession session, StreamLeg leg, int taken)
    {
        ReadOnlySpan<byte> rewritten = _output.Written.Span;
        Span<byte> prefix = stackalloc byte[PrefixSize];
        prefix[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], rewritten.Length);
        leg.Received!.Consume(taken);
        session.ReturnReceived(leg);
        try
        {
            // All of it or nothing: what waits in front of it is of a message that the client has in part, and has to get whole.
            leg.ToSend ??= session.Rent();
            leg.ToSend.Reserve(PrefixSize + rewritten.Length);
        }
        catch (FailureException e)
        {
            session.Refuse(leg.Stream, e.Kind, e.Message);
            return;
        }

        if (leg == leg.Stream.Request)
        {
            session.OpenAtEtcd(leg.Stream);
            if (leg.Stream.Gone)
            {
                return;
            }
        }

        leg.ToSend.Append(prefix);
        leg.ToSend.Append(rewritten);
        session.DestinationOf(leg).Ready(leg);
    }
}
