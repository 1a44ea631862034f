using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// One sealed file, replaced as a whole: magic, format version, nonce, XAES-256-GCM under a key that only this enclave has, bound to
/// cluster, provider and purpose. Source: docs/sealed-keks.md. secrets: contents pass through; callers wipe them.
/// </summary>
internal sealed class SealedFile
{
    private const int HeaderSize = 5;
    private const int MaxFileSize = 256 * 1024;

    private readonly byte _version;
    private readonly byte _older;
    private readonly EnvelopeContext _context;
    private readonly ISealer _sealer;
    private readonly SecretArena _arena;

    /// <summary>Names the file; it need not exist, its folder must.</summary>
    /// <param name="path">Where.</param>
    /// <param name="version">Format version that is written.</param>
    /// <param name="context">What it is bound to.</param>
    /// <param name="sealer">Gives the sealing key.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="older">Another format version that is read; 0 for none.</param>
    internal SealedFile(string path, byte version, EnvelopeContext context, ISealer sealer, SecretArena arena, byte older = 0)
    {
        Location = path;
        _version = version;
        _older = older;
        _context = context;
        _sealer = sealer;
        _arena = arena;
    }

    internal string Location { get; }

    private static ReadOnlySpan<byte> Magic => "CLSK"u8;

    /// <summary>The content in pinned memory, or null when there is no file.</summary>
    /// <exception cref="SealException">There is a file and it does not open; always the same text. Or it cannot be read now, which passes.</exception>
    internal byte[]? Read() => Read(out _);

    /// <summary>The content, and the format version that it has.</summary>
    /// <exception cref="SealException">As above.</exception>
    internal byte[]? Read(out byte version)
    {
        version = _version;
        if (ReadFile() is not { } file)
        {
            return null;
        }

        if (file.Length < HeaderSize + Edek.NonceSize + Edek.TagSize || !file.AsSpan().StartsWith(Magic))
        {
            throw NotOpened();
        }

        version = file[4];
        if (version != _version && (_older == 0 || version != _older))
        {
            throw new SealException(
                $"the sealed copy {Location} has format version {version}, this enclave reads {_version}: move it away and have the KEKs come again, from the broker or from their own copy");
        }

        ReadOnlySpan<byte> sealedPart = file.AsSpan(HeaderSize + Edek.NonceSize);
        using SecretKey key = _sealer.SealingKey(_arena);
        using Xaes256Gcm cipher = new(key);
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(sealedPart.Length - Edek.TagSize, pinned: true);
        Span<byte> aad = stackalloc byte[_context.AadSize(HeaderSize)];
        return cipher.TryDecrypt(file.AsSpan(HeaderSize, Edek.NonceSize), sealedPart, _context.WriteAad(aad, file.AsSpan(0, HeaderSize)), plaintext)
            ? plaintext
            : throw NotOpened();
    }

    /// <summary>Makes the file's bytes. The content is in clear only between two steps that do not wait: after the platform gave its key, before anything is written.</summary>
    /// <param name="size">Bytes of the content.</param>
    /// <param name="write">Writes the content into pinned memory, which is wiped.</param>
    /// <exception cref="SealException">The platform gives no key.</exception>
    internal byte[] Seal(int size, Action<byte[]> write)
    {
        byte[] file = new byte[HeaderSize + Edek.NonceSize + size + Edek.TagSize];
        Magic.CopyTo(file);
        file[4] = _version;
        KernelRandom.Fill(file.AsSpan(HeaderSize, Edek.NonceSize));
        using SecretKey key = _sealer.SealingKey(_arena);
        using Xaes256Gcm cipher = new(key);
        Span<byte> aad = stackalloc byte[_context.AadSize(HeaderSize)];
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        try
        {
            write(plaintext);
            cipher.Encrypt(
                file.AsSpan(HeaderSize, Edek.NonceSize),
                plaintext,
                _context.WriteAad(aad, file.AsSpan(0, HeaderSize)),
                file.AsSpan(HeaderSize + Edek.NonceSize));
            return file;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Replaces the file. When it returns, the content survives a loss of power.</summary>
    /// <param name="file">What <see cref="Seal"/> made.</param>
    /// <exception cref="SealException">The file cannot be written now.</exception>
    internal void Replace(ReadOnlySpan<byte> file)
    {
        try
        {
            StateFile.Replace(Location, file);
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            throw new SealException(
                $"the sealed copy {Location} cannot be written ({e.Message}): check that its folder exists, can be written by this user and has space", isTransient: true);
        }
    }

    /// <summary>Removes the file.</summary>
    /// <exception cref="SealException">It cannot be removed now.</exception>
    internal void Delete()
    {
        try
        {
            StateFile.Remove(Location);
        }
        catch (IOException e)
        {
            throw new SealException($"the sealed copy {Location} cannot be removed ({e.Message}): remove it by hand, it would bring the KEKs back at the next start", isTransient: true);
        }
    }

    private byte[]? ReadFile()
    {
        try
        {
            return StateFile.Read(Location, MaxFileSize);
        }
        catch (NotSupportedException e)
        {
            throw new SealException($"the sealed copy cannot be used: {e.Message}; move it away");
        }
        catch (IOException e)
        {
            throw new SealException($"the sealed copy {Location} cannot be read ({e.Message}): check its owner and mode; on an encrypted mount of Gramine it was changed, or another enclave made it: then move it away", isTransient: true);
        }
    }

    internal SealException NotOpened() => new(
        $"the sealed copy {Location} does not open ({_sealer.Description}): it was made by another enclave, platform, cluster or provider, or it was changed; "
        + "move it away and provision the KEKs again from their own copy");
}
