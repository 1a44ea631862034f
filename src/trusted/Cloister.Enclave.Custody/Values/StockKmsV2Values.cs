using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody.Values;

/// <summary>
/// Values as an unmodified API server with a KMS v2 provider of the same name stores them (docs/stored-value.md), so that either can read
/// what the other wrote. The difference is where the seed is: here it never leaves the enclave in clear.
/// secrets: seeds are held in <see cref="SeedStore"/>, plaintexts pass through.
/// </summary>
public sealed class StockKmsV2Values : IValueCipher
{
    // A seed can be evicted between being found and being used; that often in a row it is not.
    private const int Attempts = 8;

    private const string EncryptedAlready = "the value is encrypted by this provider already, and would be encrypted twice: the API server's EncryptionConfiguration lists "
        + "secrets with it as well (put identity first there), or a tool such as 'cloister etcd rewrap' was pointed at the gateway instead of etcd";

    private readonly byte[] _prefix;
    private readonly byte[] _prefixV1;
    private readonly AbsentKeks _absent;
    private readonly PlaintextMode _mode;
    private readonly SeedStore _seeds;

    /// <summary>Values of one provider.</summary>
    /// <param name="seeds">The store of seeds; not owned.</param>
    /// <param name="provider">The KMS provider's name in the API server's configuration.</param>
    /// <param name="mode">What becomes of plaintext.</param>
    public StockKmsV2Values(SeedStore seeds, string provider, PlaintextMode mode)
    {
        if (provider.Length == 0 || provider.Contains(':', StringComparison.Ordinal))
        {
            throw new ArgumentException("a provider name is not empty and has no colon", nameof(provider));
        }

        _prefix = StoredValue.KmsV2PrefixFor(provider);
        _prefixV1 = StoredValue.KmsV1PrefixFor(provider);
        _absent = new AbsentKeks(seeds.Custody, seeds.Time);
        _mode = mode;
        _seeds = seeds;
    }

    /// <summary>KEKs by namespace.</summary>
    public KekRules Keks => _seeds.Keks;

    /// <summary>What writes under a KEK come to now.</summary>
    /// <param name="kek">Its name in <see cref="Keks"/>; null for the default KEK.</param>
    public CustodyStatus StatusOf(string? kek) => _seeds.StatusOf(kek);

    /// <summary>What a write of that etcd key comes to now, and with which key_id.</summary>
    public CustodyStatus StatusOf(ReadOnlySpan<byte> key) => _seeds.StatusOf(Keks.Find(key));

    /// <inheritdoc/>
    public ValueTask EncryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation)
    {
        if (IsOwn(plaintext.Span))
        {
            throw new FailureException(FailureKind.Invalid, EncryptedAlready);
        }

        string? kek = Keks.Find(key.Span);
        return _seeds.TryForWrite(kek) is { } seed && TryWrite(seed, key.Span, plaintext.Span, stored)
            ? ValueTask.CompletedTask
            : EncryptWithNextAsync(kek, key, plaintext, stored, cancellation);
    }

    /// <inheritdoc/>
    public ValueTask<ValueOutcome> DecryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, IBufferWriter<byte> plaintext, CancellationToken cancellation)
    {
        if (!stored.Span.StartsWith(_prefix))
        {
            return ValueTask.FromResult(_mode == PlaintextMode.Adopt ? ValueOutcome.PassThrough : ValueOutcome.Refused);
        }

        if (ReadParts(stored) is not { } parts)
        {
            return ValueTask.FromResult(ValueOutcome.Undecryptable);
        }

        return _seeds.TryForRead(parts.Kek, parts.Edek.Span) is { } seed && TryOpen(seed, parts, key.Span, plaintext) is { } outcome
            ? ValueTask.FromResult(outcome)
            : DecryptWithFetchedAsync(parts, key, plaintext, cancellation);
    }

    /// <inheritdoc/>
    public FailureException KekAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored) =>
        _absent.Refuse(ReadParts(stored)?.Kek ?? throw new ArgumentException("not a value of this provider", nameof(stored)), PrintableText.Of(key.Span));

    /// <summary>True for what this provider has encrypted, in either of its forms.</summary>
    public bool IsOwn(ReadOnlySpan<byte> value) => value.StartsWith(_prefix) || value.StartsWith(_prefixV1);

    private async ValueTask EncryptWithNextAsync(
        string? kek, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            WriteSeed seed = await _seeds.ForWriteAsync(kek, cancellation);
            if (TryWrite(seed, key.Span, plaintext.Span, stored))
            {
                return;
            }
        }

        throw Busy();
    }

    private async ValueTask<ValueOutcome> DecryptWithFetchedAsync(
        Parts parts, ReadOnlyMemory<byte> key, IBufferWriter<byte> plaintext, CancellationToken cancellation)
    {
        try
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                SecretKey seed = await _seeds.ForReadAsync(parts.Kek, parts.Edek, cancellation);
                if (TryOpen(seed, parts, key.Span, plaintext) is { } outcome)
                {
                    return outcome;
                }
            }
        }
        catch (FailureException e) when (e.Kind is FailureKind.Invalid or FailureKind.NotFound)
        {
            // Without any KEK this says nothing about the value: the call fails as a whole, and works later.
            return !_seeds.Custody.HasKeks && _seeds.Custody.Status is { KeyId: null } status ? throw status.ToException()
                : e.Kind == FailureKind.NotFound ? ValueOutcome.KekAbsent
                : ValueOutcome.Undecryptable;
        }

        throw Busy();
    }

    private static FailureException Busy() =>
        new(FailureKind.Unavailable, "the seeds of too many values are needed at the same time; try again, and give the gateway a larger cache of seeds");

    // Null: the seed was wiped meanwhile.
    private static ValueOutcome? TryOpen(SecretKey seed, Parts parts, ReadOnlySpan<byte> key, IBufferWriter<byte> output)
    {
        try
        {
            return seed.Use(new Reading(parts, key, output), static (bytes, reading) => reading.Open(bytes));
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }

    // False: the seed was wiped meanwhile.
    private bool TryWrite(WriteSeed seed, ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, IBufferWriter<byte> output)
    {
        try
        {
            return seed.Seed.Use(new Writing(_prefix, seed, key, plaintext, output), static (bytes, writing) => writing.Write(bytes));
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    // Null when it is not well-formed, or when key_id and EDEK do not name the same KEK.
    private Parts? ReadParts(ReadOnlyMemory<byte> stored)
    {
        ReadOnlyMemory<byte> body = stored[_prefix.Length..];
        try
        {
            EncryptedObject value = EncryptedObject.Parse(body.Span);
            KeyFingerprint kek = Edek.Parse(value.Edek).Kek;
            return KeyId.TryParse(value.KeyIdUtf8, out KeyFingerprint named) && named == kek
                ? new Parts(kek, Within(body, value.Edek), Within(body, value.Data), value.SourceType)
                : null;
        }
        catch (WireException)
        {
            return null;
        }
    }

    // The memory of a span that was read in place.
    private static ReadOnlyMemory<byte> Within(ReadOnlyMemory<byte> whole, ReadOnlySpan<byte> part) =>
        whole.Span.Overlaps(part, out int offset) ? whole.Slice(offset, part.Length) : ReadOnlyMemory<byte>.Empty;

    private readonly record struct Parts(KeyFingerprint Kek, ReadOnlyMemory<byte> Edek, ReadOnlyMemory<byte> Data, DekSourceType Type);

    // One value on its way out of its stored form, for as long as its seed is held.
    private readonly ref struct Reading(Parts parts, ReadOnlySpan<byte> key, IBufferWriter<byte> output)
    {
        private readonly ReadOnlySpan<byte> _key = key;

        internal ValueOutcome Open(ReadOnlySpan<byte> seed)
        {
            // Where it is wanted, without a copy; nothing is written when it does not open.
            int size = StoredValueCipher.PlaintextSize(parts.Type, parts.Data.Span);
            if (!StoredValueCipher.TryDecrypt(parts.Type, seed, _key, parts.Data.Span, output.GetSpan(size)[..size]))
            {
                return ValueOutcome.Undecryptable;
            }

            output.Advance(size);
            return ValueOutcome.Decrypted;
        }
    }

    // One value on its way into it.
    private readonly ref struct Writing(byte[] prefix, WriteSeed seed, ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, IBufferWriter<byte> output)
    {
        private readonly ReadOnlySpan<byte> _key = key;
        private readonly ReadOnlySpan<byte> _plaintext = plaintext;

        internal bool Write(ReadOnlySpan<byte> seedBytes)
        {
            output.Write(prefix);
            ProtoWriter writer = new(output);
            StoredValueCipher.Encrypt(seedBytes, _key, _plaintext, writer.BytesField(1, _plaintext.Length + StoredValueCipher.Overhead));
            writer.String(2, seed.KeyId);
            writer.Bytes(3, seed.Edek);
            writer.Integer(5, (ulong)DekSourceType.HkdfSha256Seed);
            return true;
        }
    }
}
