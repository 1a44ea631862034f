using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.IO.Pipelines;
using Cloister.Enclave.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// Unary gRPC on Kestrel's HTTP/2, without container and middleware, so that request and response live in buffers that are wiped.
/// Source: gRPC over HTTP2. Uncompressed messages, one in each direction. secrets: pass through in buffers that are wiped.
/// </summary>
internal sealed class GrpcApplication : IHttpApplication<GrpcCallState>
{
    private const int PrefixSize = 5;
    private const string ContentType = "application/grpc";

    // Calls whose buffers stay for the next ones.
    private const int MaxKept = 512;

    private readonly FrozenDictionary<string, UnaryHandler> _methods;
    private readonly int _maxMessageSize;
    private readonly string _tee;
    private readonly CallFailures _failures;
    private readonly RequestBudget _budget;
    private readonly ConcurrentBag<GrpcCallState> _free = [];
    private int _kept;

    internal GrpcApplication(
        IEnumerable<KeyValuePair<string, UnaryHandler>> methods, int maxMessageSize, string tee, RequestBudget budget, CallFailures failures)
    {
        _budget = budget;
        _methods = methods.ToFrozenDictionary();
        _maxMessageSize = maxMessageSize;
        _tee = tee;
        _failures = failures;
    }

    public GrpcCallState CreateContext(IFeatureCollection contextFeatures)
    {
        if (_free.TryTake(out GrpcCallState? state))
        {
            Interlocked.Decrement(ref _kept);
        }
        else
        {
            state = new GrpcCallState(_maxMessageSize);
        }

        state.Begin(contextFeatures);
        return state;
    }

    public void DisposeContext(GrpcCallState context, Exception? exception)
    {
        _budget.End(context);
        context.End();
        if (Interlocked.Increment(ref _kept) <= MaxKept)
        {
            _free.Add(context);
        }
        else
        {
            Interlocked.Decrement(ref _kept);
        }
    }

    public async Task ProcessRequestAsync(GrpcCallState context)
    {
        IHttpRequestFeature request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        IHttpResponseFeature response = context.Features.GetRequiredFeature<IHttpResponseFeature>();
        CancellationToken aborted = context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>().RequestAborted;
        if (request.Method != "POST" || !IsGrpc(request.Headers.ContentType.ToString()))
        {
            response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }

        StatusCode code = StatusCode.Ok;
        string message = "";
        try
        {
            context.Call.Begin(request.Headers["grpc-timeout"], aborted);
            await ReadMessageAsync(context, aborted);
            context.Connection = context.Features.Get<ConnectionTable.Connection>();
            context.Connection?.BeginCall();
            UnaryHandler method = _methods.GetValueOrDefault(request.Path)
                ?? throw new RpcException(StatusCode.Unimplemented, "this socket does not serve that method");
            await method(context.Request.Written, context.Response, context.Call);
        }
        catch (RpcException e)
        {
            if (e == context.Loss)
            {
                context.Features.Get<ConnectionTable.Connection>()?.Lose();
            }

            (code, message) = (e.Code, e.Message);
            _failures.Record(request.Path, code, message);
        }
        catch (OperationCanceledException)
        {
            (code, message) = aborted.IsCancellationRequested
                ? (StatusCode.Cancelled, "the call was cancelled")
                : (StatusCode.DeadlineExceeded, "the deadline passed before the call was done");
            _failures.Record(request.Path, code, message);
        }
        catch (Exception e) when (e is ConnectionAbortedException or ConnectionResetException or IOException)
        {
            return;
        }
        catch (BadHttpRequestException)
        {
            (code, message) = (StatusCode.InvalidArgument, "the request body is malformed or came too slowly");
            _failures.Record(request.Path, code, message);
        }
        catch (OutOfMemoryException)
        {
            (code, message) = (StatusCode.ResourceExhausted, "the enclave has no memory for this now: try again later");
            _failures.Record(request.Path, code, message);
        }
        catch (Exception e)
        {
            (code, message) = (StatusCode.Internal, "a fault in the enclave; its log has type and place");
            _failures.Fault(request.Path, e);
        }

        Respond(context, response, code, message);
    }

    private static bool IsGrpc(string contentType) =>
        contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';');

    // Length-Prefixed-Message = Compressed-Flag (1) Message-Length (4) Message, and nothing after it. Taken as it comes, so that what a peer
    // may send ahead bounds what Kestrel holds.
    private async ValueTask ReadMessageAsync(GrpcCallState context, CancellationToken aborted)
    {
        PipeReader body = context.Features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader;
        await _budget.BeginAsync(context, body, aborted);
        int length = -1;
        while (true)
        {
            ReadResult read = await body.ReadAsync(aborted);
            RequestBudget.ThrowIfGone(context);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (length < 0 && buffer.Length >= PrefixSize)
            {
                length = ReadPrefix(buffer);
                await _budget.ReserveAsync(context, length, aborted);
                context.Request.Reserve(length);
                buffer = buffer.Slice(PrefixSize);
            }

            if (length < 0)
            {
                body.AdvanceTo(buffer.Start, buffer.End);
            }
            else
            {
                if (buffer.Length > length - context.Request.Length)
                {
                    throw new RpcException(StatusCode.InvalidArgument, "the request has bytes after its message");
                }

                context.Request.Append(buffer);
                body.AdvanceTo(buffer.End);
            }

            if (read.IsCompleted)
            {
                if (context.Request.Length != length)
                {
                    throw new RpcException(StatusCode.InvalidArgument, "the request's message is truncated");
                }

                _budget.Complete(context);
                return;
            }
        }
    }

    private int ReadPrefix(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[PrefixSize];
        buffer.Slice(0, PrefixSize).CopyTo(prefix);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (prefix[0] != 0)
        {
            throw new RpcException(StatusCode.Unimplemented, "compressed messages are not accepted");
        }

        return length <= (uint)_maxMessageSize
            ? (int)length
            : throw new RpcException(StatusCode.ResourceExhausted, $"the message has {length} bytes, at most {_maxMessageSize} are accepted");
    }

    private void Respond(GrpcCallState context, IHttpResponseFeature response, StatusCode code, string message)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.ContentType = ContentType;
        response.Headers["cloister-tee"] = _tee;
        IHeaderDictionary trailers = context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        trailers["grpc-status"] = GrpcText.Code(code);
        if (code != StatusCode.Ok)
        {
            trailers["grpc-message"] = GrpcText.Escape(message);
            return;
        }

        // Not flushed: Kestrel sends headers, message and trailers together when the request ends.
        ReadOnlySpan<byte> written = context.Response.Written.Span;
        PipeWriter body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>().Writer;
        Span<byte> frame = body.GetSpan(PrefixSize + written.Length);
        frame[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(frame[1..], (uint)written.Length);
        written.CopyTo(frame[PrefixSize..]);
        body.Advance(PrefixSize + written.Length);
    }
}
