using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Sim;

/// <summary>
/// Stands for a remote KMS, inside the process: KEKs in a file, a delay for every call, refusals and silence on demand. Its ciphertext is
/// <c>nonce 24 | XAES-256-GCM</c>, bound to context and KEK.
/// </summary>
internal sealed class SoftwareKms : IRemoteKms
{
    private const string Authority = "software-kms";

    private readonly SimulationOptions _options;
    private readonly string _path;
    private readonly SecretArena _arena = new(1024);
    private readonly Lock _gate = new();
    private readonly Dictionary<KeyFingerprint, Xaes256Gcm> _ciphers = [];
    private SoftwareKmsFile _file = new();
    private KeyFingerprint _active;
    private DateTime _readAt;

    internal SoftwareKms(SimulationOptions options)
    {
        _options = options;
        _path = options.KmsKeyFile
            ?? throw new StartException("simulation.remoteKms.keyFile is missing: the software KMS needs a file for its KEKs");
        if (!File.Exists(_path))
        {
            Write(new SoftwareKmsFile { Keks = [NewVersion(1)] });
        }
    }

    public async ValueTask<RemoteKek> DescribeAsync(CancellationToken cancellation)
    {
        await RoundTripAsync(cancellation);
        lock (_gate)
        {
            return new RemoteKek(_active, _ciphers.Keys.ToHashSet());
        }
    }

    public async ValueTask<IReadOnlyList<byte[]>> EncryptAsync(
        KeyFingerprint kek, EnvelopeContext context, IReadOnlyList<ReadOnlyMemory<byte>> plaintexts, CancellationToken cancellation)
    {
        Count(context);
        await RoundTripAsync(cancellation);
        Xaes256Gcm cipher = Cipher(kek);
        return [.. plaintexts.Select(plaintext => Encrypt(cipher, kek, context, plaintext.Span))];
    }

    public async ValueTask<int> DecryptAsync(
        KeyFingerprint kek, EnvelopeContext context, ReadOnlyMemory<byte> ciphertext, Memory<byte> plaintext, CancellationToken cancellation)
    {
        Count(context);
        await RoundTripAsync(cancellation);
        int length = ciphertext.Length - Xaes256Gcm.NonceSize - Xaes256Gcm.TagSize;
        byte[] aad = Aad(kek, context);
        return length > 0 && length <= plaintext.Length
            && Cipher(kek).TryDecrypt(ciphertext.Span[..Xaes256Gcm.NonceSize], ciphertext.Span[Xaes256Gcm.NonceSize..], aad, plaintext.Span[..length])
            ? length
            : throw new RemoteKmsException(RemoteKmsFailure.NotAuthentic, "not authentic");
    }

    // What is only tried has no part in what a Secret costs.
    private void Count(EnvelopeContext context)
    {
        if (context.Purpose != EnvelopeContext.TrialPurpose)
        {
            _options.CountRemoteCall();
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            foreach (Xaes256Gcm cipher in _ciphers.Values)
            {
                cipher.Dispose();
            }

            _ciphers.Clear();
            _arena.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static SoftwareKmsFile.Version NewVersion(uint number) => new(
        number,
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretKey.Size)));

    private static byte[] Encrypt(Xaes256Gcm cipher, KeyFingerprint kek, EnvelopeContext context, ReadOnlySpan<byte> plaintext)
    {
        byte[] ciphertext = new byte[Xaes256Gcm.NonceSize + plaintext.Length + Xaes256Gcm.TagSize];
        KernelRandom.Fill(ciphertext.AsSpan(0, Xaes256Gcm.NonceSize));
        cipher.Encrypt(ciphertext.AsSpan(0, Xaes256Gcm.NonceSize), plaintext, Aad(kek, context), ciphertext.AsSpan(Xaes256Gcm.NonceSize));
        return ciphertext;
    }

    private static byte[] Aad(KeyFingerprint kek, EnvelopeContext context)
    {
        byte[] fingerprint = new byte[KeyFingerprint.Size];
        kek.CopyTo(fingerprint);
        byte[] aad = new byte[context.AadSize(fingerprint.Length)];
        context.WriteAad(aad, fingerprint);
        return aad;
    }

    private async Task RoundTripAsync(CancellationToken cancellation)
    {
        if (_options.KmsLatency > TimeSpan.Zero)
        {
            await Task.Delay(_options.KmsLatency, cancellation);
        }

        lock (_gate)
        {
            Refresh();
            if (_file.Unreachable)
            {
                throw new RemoteKmsException(RemoteKmsFailure.Unavailable, "unreachable, as its file says");
            }

            if (_file.Disabled)
            {
                throw new RemoteKmsException(RemoteKmsFailure.Denied, "the KEK is disabled, as its file says");
            }
        }
    }

    private Xaes256Gcm Cipher(KeyFingerprint kek)
    {
        lock (_gate)
        {
            return _ciphers.TryGetValue(kek, out Xaes256Gcm? cipher)
                ? cipher
                : throw new RemoteKmsException(RemoteKmsFailure.UnknownKek, "unknown KEK");
        }
    }

    private void Refresh()
    {
        DateTime changedAt = File.GetLastWriteTimeUtc(_path);
        if (changedAt == _readAt)
        {
            return;
        }

        _file = JsonSerializer.Deserialize(File.ReadAllBytes(_path), SoftwareKmsFileContext.Default.SoftwareKmsFile)!;
        _readAt = changedAt;
        HashSet<KeyFingerprint> present = [];
        foreach (SoftwareKmsFile.Version version in _file.Keks)
        {
            KeyFingerprint fingerprint = new KekIdentity(Authority, _file.Name, version.Number, version.Generation).Fingerprint();
            present.Add(fingerprint);
            _active = version.Number == _file.Active ? fingerprint : _active;
            if (!_ciphers.ContainsKey(fingerprint))
            {
                using SecretKey key = SecretKey.TakeOver(_arena, Convert.FromHexString(version.Key));
                _ciphers.Add(fingerprint, new Xaes256Gcm(key));
            }
        }

        foreach (KeyFingerprint gone in _ciphers.Keys.Except(present).ToList())
        {
            _ciphers.Remove(gone, out Xaes256Gcm? cipher);
            cipher!.Dispose();
        }
    }

    private void Write(SoftwareKmsFile file) =>
        PrivateFile.Create(_path, JsonSerializer.SerializeToUtf8Bytes(file, SoftwareKmsFileContext.Default.SoftwareKmsFile));
}
