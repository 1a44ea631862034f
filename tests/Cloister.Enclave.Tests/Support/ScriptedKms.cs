using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Tests.Support;

/// <summary>
/// A remote KMS that does what the test says and counts what it is asked. Its ciphertext is <c>SHA-256(KEK, context, plaintext) | plaintext</c>
/// with every byte turned over: enough to tell what is not authentic.
/// </summary>
internal sealed class ScriptedKms : IRemoteKms
{
    private const int DigestSize = 32;

    private readonly Lock _gate = new();
    private readonly HashSet<KeyFingerprint> _known = [];
    private KeyFingerprint _active;
    private int _describes;
    private int _encrypts;
    private int _decrypts;
    private int _trials;
    private volatile TaskCompletionSource? _hold;

    internal ScriptedKms()
    {
        Rotate();
    }

    internal int Describes => Volatile.Read(ref _describes);

    internal int Encrypts => Volatile.Read(ref _encrypts);

    internal int Decrypts => Volatile.Read(ref _decrypts);

    /// <summary>Unwraps that were only tried.</summary>
    internal int Trials => Volatile.Read(ref _trials);

    internal bool Disposed { get; private set; }

    /// <summary>Thrown by every call while it is set.</summary>
    internal Exception? Failure { get; set; }

    /// <summary>Thrown by every decryption while it is set.</summary>
    internal Exception? DecryptFailure { get; set; }

    /// <summary>Never answers, until the caller gives up.</summary>
    internal bool Silent { get; set; }

    /// <summary>What becomes of each ciphertext that is not only tried.</summary>
    internal Func<byte[], byte[]> MakeCiphertext { get; set; } = ciphertext => ciphertext;

    /// <summary>What becomes of the length of each plaintext.</summary>
    internal Func<int, int> MakeLength { get; set; } = length => length;

    internal KeyFingerprint Active
    {
        get
        {
            lock (_gate)
            {
                return _active;
            }
        }
    }

    /// <summary>A new version becomes active; older ones stay known.</summary>
    internal KeyFingerprint Rotate()
    {
        lock (_gate)
        {
            _active = new KeyFingerprint(TestKeys.Random(KeyFingerprint.Size));
            _known.Add(_active);
            return _active;
        }
    }

    internal void Retire(KeyFingerprint kek)
    {
        lock (_gate)
        {
            _known.Remove(kek);
        }
    }

    /// <summary>Encryptions and decryptions wait until <see cref="LetGo"/>.</summary>
    internal void Hold() => _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    internal void LetGo()
    {
        TaskCompletionSource? hold = _hold;
        _hold = null;
        hold?.SetResult();
    }

    public async ValueTask<RemoteKek> DescribeAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _describes);
        await AnswerAsync(cancellation);
        lock (_gate)
        {
            return new RemoteKek(_active, _known.ToHashSet());
        }
    }

    public async ValueTask<IReadOnlyList<byte[]>> EncryptAsync(
        KeyFingerprint kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> plaintexts, CancellationToken cancellation)
    {
        if (!IsTrial(context))
        {
            Interlocked.Increment(ref _encrypts);
            await HeldAsync(cancellation);
        }

        await AnswerAsync(cancellation);
        return [.. plaintexts.Select(plaintext => Seal(kek, context, plaintext.Span)).Select(made => IsTrial(context) ? made : MakeCiphertext(made))];
    }

    public async ValueTask<int> DecryptAsync(
        KeyFingerprint kek, EnvelopeContext context, ReadOnlyMemory<byte> ciphertext, Memory<byte> plaintext, CancellationToken cancellation)
    {
        if (!IsTrial(context))
        {
            Interlocked.Increment(ref _decrypts);
            await HeldAsync(cancellation);
        }
        else
        {
            Interlocked.Increment(ref _trials);
        }

        await AnswerAsync(cancellation);
        if (DecryptFailure is { } failure)
        {
            throw failure;
        }

        byte[] clear = [.. ciphertext.ToArray().Skip(DigestSize).Select(b => (byte)(b ^ 0xFF))];
        if (!Seal(kek, context, clear).AsSpan().SequenceEqual(ciphertext.Span))
        {
            throw new RemoteKmsException(RemoteKmsFailure.NotAuthentic, "not authentic");
        }

        clear.CopyTo(plaintext);
        return MakeLength(clear.Length);
    }

    public ValueTask DisposeAsync()
    {
        Disposed = true;
        return ValueTask.CompletedTask;
    }

    private static bool IsTrial(EnvelopeContext context) => context.Purpose == EnvelopeContext.TrialPurpose;

    private static byte[] Seal(KeyFingerprint kek, EnvelopeContext context, ReadOnlySpan<byte> plaintext)
    {
        byte[] bound = new byte[KeyFingerprint.Size];
        kek.CopyTo(bound);
        byte[] aad = new byte[context.AadSize(bound.Length)];
        context.WriteAad(aad, bound);
        byte[] clear = plaintext.ToArray();
        return [.. SHA256.HashData([.. aad, .. clear]), .. clear.Select(b => (byte)(b ^ 0xFF))];
    }

    private Task HeldAsync(CancellationToken cancellation) => _hold is { } hold ? hold.Task.WaitAsync(cancellation) : Task.CompletedTask;

    private async Task AnswerAsync(CancellationToken cancellation)
    {
        await Task.Yield();
        if (Silent)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        if (Failure is { } failure)
        {
            throw failure;
        }
    }
}
