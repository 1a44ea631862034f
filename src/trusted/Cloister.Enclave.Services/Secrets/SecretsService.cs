using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Services.Kms;

namespace Cloister.Enclave.Services.Secrets;

/// <summary>
/// Encrypts whole values, free of transport: seeds and DEKs stay here, where with KMS v2 an API server holds them. What it writes is
/// what the gateway writes and what a stock API server reads. Source: proto/cloister/secrets.proto.
/// secrets: Secrets pass through in buffers that are wiped.
/// </summary>
public sealed class SecretsService
{
    /// <summary>Bytes of the largest message, in either direction: what gRPC clients take unless told otherwise.</summary>
    public const int MaxMessageSize = 4 * 1024 * 1024;

    /// <summary>Bytes of requests at the same time.</summary>
    public const int RequestMemory = 64 * 1024 * 1024;

    private const string ApiVersion = "v1";

    // Each time that a tool was pointed at the gateway added one.
    private const int MaxLayers = 8;

    private readonly KmsEngine _engine;
    private readonly EnvelopeContext _context;
    private readonly StockKmsV2Values _values;

    /// <summary>Serves with a cipher.</summary>
    /// <param name="engine">Custody and counters.</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="values">Values of that custody and provider.</param>
    public SecretsService(KmsEngine engine, EnvelopeContext context, StockKmsV2Values values)
    {
        _engine = engine;
        _context = context;
        _values = values;
    }

    /// <summary>The methods by gRPC path.</summary>
    public IEnumerable<KeyValuePair<string, ServiceMethod>> Methods =>
    [
        new("/cloister.secrets.v1.Secrets/Status", StatusAsync),
        new("/cloister.secrets.v1.Secrets/Encrypt", EncryptAsync),
        new("/cloister.secrets.v1.Secrets/Decrypt", DecryptAsync),
        new("/cloister.secrets.v1.Secrets/Rewrap", RewrapAsync),
        new("/cloister.secrets.v1.Secrets/EncryptBatch", Batch(EncryptItemAsync)),
        new("/cloister.secrets.v1.Secrets/DecryptBatch", Batch(DecryptItemAsync)),
        new("/cloister.secrets.v1.Secrets/RewrapBatch", Batch(RewrapItemAsync)),
        new("/cloister.secrets.v1.Secrets/CheckBatch", Batch(CheckItemAsync)),
    ];

    private ValueTask StatusAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        CustodyStatus status = _engine.Custody.Status;
        ProtoWriter writer = new(response);
        writer.String(1, ApiVersion);
        writer.String(2, status.Healthz);
        writer.String(3, status.KeyId ?? throw status.ToException());
        writer.String(4, _context.Provider);
        writer.String(5, _context.Cluster);
        writer.String(6, _engine.Tee);
        foreach (KekRule rule in _values.Keks.Rules)
        {
            ArrayBufferWriter<byte> nested = new();
            NamespaceKekMessage.Write(nested, rule, _values.StatusOf(rule.Kek));
            writer.Bytes(7, nested.WrittenSpan);
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask EncryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        using ValueBuffers buffers = ValueBuffers.Rent();
        await EncryptItemAsync(ValueItem.Read(request), buffers, response, call.Cancellation);
    }

    private async ValueTask DecryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        ValueItem item = ValueItem.Read(request);
        using ValueBuffers buffers = ValueBuffers.Rent();
        Check(await OpenAsync(item, buffers, call.Cancellation), item);
        WritePlaintext(new ProtoWriter(response), 1, item, buffers);
    }

    private async ValueTask RewrapAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        ValueItem item = ValueItem.Read(request);
        using ValueBuffers buffers = ValueBuffers.Rent();
        Check(await RewrapItemAsync(item, buffers, response, call.Cancellation), item);
    }

    private void Check(ItemOutcome outcome, ValueItem item)
    {
        switch (outcome)
        {
            case ItemOutcome.NoKek:
                throw _values.StatusOf(item.Key.Span).ToException();
            case ItemOutcome.Foreign:
                throw new FailureException(FailureKind.Invalid, $"the value is not one of KMS v2 provider {_context.Provider}: it is plaintext or of another provider");
            case ItemOutcome.Undecryptable:
                throw EdekFailure.NotAuthentic();
            case ItemOutcome.EncryptedTwice:
                throw new FailureException(
                    FailureKind.Invalid,
                    "what the value holds is encrypted by this provider as well: ask with unwrap to have it encrypted once ('cloister etcd rewrap --unwrap-doubles')");
        }
    }

    // Each item becomes one message in field 1 of the response, in order.
    private static ServiceMethod Batch(Func<ValueItem, ValueBuffers, IBufferWriter<byte>, CancellationToken, ValueTask<ItemOutcome>> handle) =>
        async (request, response, call) =>
        {
            List<ValueItem> items = ValueItem.ReadBatch(request);
            using ValueBuffers buffers = ValueBuffers.Rent();
            foreach (ValueItem item in items)
            {
                call.Cancellation.ThrowIfCancellationRequested();
                await handle(item, buffers, buffers.Message, call.Cancellation);
                new ProtoWriter(response).Bytes(1, buffers.Message.Written.Span);
                buffers.Reset();
            }
        };

    private async ValueTask<ItemOutcome> EncryptItemAsync(ValueItem item, ValueBuffers buffers, IBufferWriter<byte> message, CancellationToken cancellation)
    {
        await _values.EncryptAsync(item.Key, item.Value, buffers.Stored, cancellation);
        _engine.Counters.Encrypted();
        ProtoWriter writer = new(message);
        writer.Bytes(1, buffers.Stored.Written.Span);
        writer.String(2, EncryptedObject.Parse(StoredValue.Parse(buffers.Stored.Written.Span).Body).KeyIdText);
        return ItemOutcome.Done;
    }

    private async ValueTask<ItemOutcome> DecryptItemAsync(ValueItem item, ValueBuffers buffers, IBufferWriter<byte> message, CancellationToken cancellation)
    {
        ItemOutcome outcome = await OpenAsync(item, buffers, cancellation);
        ProtoWriter writer = new(message);
        writer.Integer(1, (ulong)outcome);
        if (outcome == ItemOutcome.Done)
        {
            WritePlaintext(writer, 2, item, buffers);
        }

        return outcome;
    }

    private async ValueTask<ItemOutcome> CheckItemAsync(ValueItem item, ValueBuffers buffers, IBufferWriter<byte> message, CancellationToken cancellation)
    {
        ItemOutcome outcome = await OpenAsync(item, buffers, cancellation);
        ProtoWriter writer = new(message);
        writer.Integer(1, (ulong)outcome);
        if (outcome == ItemOutcome.Done)
        {
            InnerEnvelope.Write(writer, buffers.Plaintext.Written.Span);
        }

        return outcome;
    }

    private async ValueTask<ItemOutcome> RewrapItemAsync(ValueItem item, ValueBuffers buffers, IBufferWriter<byte> message, CancellationToken cancellation)
    {
        // A KEK of a namespace that is not here is no reason to leave other namespaces as they are.
        CustodyStatus status = _values.StatusOf(item.Key.Span);
        bool named = _values.Keks.Find(item.Key.Span) is not null;
        ItemOutcome outcome = status.KeyId is not { } active ? named ? ItemOutcome.NoKek : throw status.ToException()
            : IsCurrent(item.Value.Span, active) && !item.Unwrap ? ItemOutcome.Unchanged
            : await OpenAsync(item, buffers, cancellation);
        if (outcome == ItemOutcome.Done)
        {
            outcome = _values.IsOwn(buffers.Plaintext.Written.Span)
                ? item.Unwrap ? await UnwrapAsync(item.Key, buffers, cancellation) : ItemOutcome.EncryptedTwice
                : IsCurrent(item.Value.Span, status.KeyId!) ? ItemOutcome.Unchanged : ItemOutcome.Done;
        }

        if (outcome == ItemOutcome.Done)
        {
            await _values.EncryptAsync(item.Key, buffers.Plaintext.Written, buffers.Stored, cancellation);
            _engine.Counters.Encrypted();
        }

        ProtoWriter writer = new(message);
        writer.Integer(1, (ulong)outcome);
        writer.Bytes(2, buffers.Stored.Written.Span);
        return outcome;
    }

    // From the plaintext that is an encrypted value to the one within, through every layer.
    private async ValueTask<ItemOutcome> UnwrapAsync(ReadOnlyMemory<byte> key, ValueBuffers buffers, CancellationToken cancellation)
    {
        for (int layer = 0; layer < MaxLayers && _values.IsOwn(buffers.Plaintext.Written.Span); layer++)
        {
            if (await _values.DecryptAsync(key, buffers.Plaintext.Written, buffers.Stored, cancellation) != ValueOutcome.Decrypted)
            {
                break;
            }

            buffers.Plaintext.Reset();
            buffers.Plaintext.Write(buffers.Stored.Written.Span);
            buffers.Stored.Reset();
        }

        return _values.IsOwn(buffers.Plaintext.Written.Span) ? ItemOutcome.EncryptedTwice : ItemOutcome.Done;
    }

    private async ValueTask<ItemOutcome> OpenAsync(ValueItem item, ValueBuffers buffers, CancellationToken cancellation)
    {
        ValueOutcome outcome = await _values.DecryptAsync(item.Key, item.Value, buffers.Plaintext, cancellation);
        if (outcome == ValueOutcome.Decrypted)
        {
            _engine.Counters.Decrypted();
        }
        else if (outcome == ValueOutcome.KekAbsent)
        {
            // Answered as what does not open; but the KEK is asked for.
            _ = _values.KekAbsent(item.Key, item.Value);
        }

        return outcome switch
        {
            ValueOutcome.Decrypted => ItemOutcome.Done,
            ValueOutcome.Undecryptable or ValueOutcome.KekAbsent => ItemOutcome.Undecryptable,
            _ => ItemOutcome.Foreign,
        };
    }

    // plaintext, key_id and stale follow each other in both messages. The value has been opened: it is well-formed.
    private void WritePlaintext(ProtoWriter writer, int field, ValueItem item, ValueBuffers buffers)
    {
        writer.Bytes(field, buffers.Plaintext.Written.Span);
        writer.String(field + 1, EncryptedObject.Parse(StoredValue.Parse(item.Value.Span).Body).KeyIdText);

        // Where nothing can be written now (a lease's grace for reads), nothing is asked to be written again.
        writer.Boolean(field + 2, _values.StatusOf(item.Key.Span).KeyId is { } active && !IsCurrent(item.Value.Span, active));
    }

    // Of this provider, with the key_id that writes of this etcd key use now, and their source type.
    private bool IsCurrent(ReadOnlySpan<byte> stored, string active)
    {
        try
        {
            StoredValue value = StoredValue.Parse(stored);
            if (value.Kind != StoredValueKind.KmsV2 || value.Provider != _context.Provider)
            {
                return false;
            }

            EncryptedObject body = EncryptedObject.Parse(value.Body);
            return body.SourceType == DekSourceType.HkdfSha256Seed && body.KeyIdText == active;
        }
        catch (WireException)
        {
            return false;
        }
    }
}
