using System.Security.Cryptography;
using Cloister.Xaes;

namespace Cloister.KeyStores.RootKeys;

/// <summary>
/// A root key in a file, for development only: whoever reads the file and the database has every KEK. XAES-256-GCM.
/// secrets: holds the root key in pinned memory, wiped when disposed.
/// </summary>
public sealed class FileRootKey : IRootKey
{
    private readonly byte[] _key;
    private readonly Lock _lock = new();
    private bool _isDisposed;

    private FileRootKey(byte[] key) => _key = key;

    /// <summary>Opens the file, or makes it (mode 0600) with 32 random bytes. Its name must begin with <c>UNPROTECTED-</c>.</summary>
    /// <exception cref="KeyStoreException">
    /// Denied: another name, or others than the owner may read it. Damaged: not 32 bytes. Unavailable: it cannot be read or made.
    /// </exception>
    public static FileRootKey Open(string path)
    {
        if (!Path.GetFileName(path).StartsWith("UNPROTECTED-", StringComparison.Ordinal))
        {
            throw new KeyStoreException(KeyStoreFailure.Denied, "a root key in a file protects nothing from who can read the file: its name must begin with UNPROTECTED-");
        }

        byte[] key = GC.AllocateArray<byte>(PortableXaes.KeySize, pinned: true);
        try
        {
            if (!File.Exists(path))
            {
                Create(path);
            }

            Read(path, key);
            return new FileRootKey(key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, $"root key file {path}: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public byte[] Wrap(ReadOnlySpan<byte> kek, ReadOnlySpan<byte> aad)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return PortableXaes.Encrypt(_key, kek, aad);
        }
    }

    /// <inheritdoc/>
    public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> kek)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (wrapped.Length != kek.Length + PortableXaes.Overhead)
            {
                throw RootKeyFailures.NotAuthentic(null);
            }

            try
            {
                PortableXaes.Decrypt(_key, wrapped, aad, kek);
            }
            catch (AuthenticationTagMismatchException e)
            {
                throw RootKeyFailures.NotAuthentic(e);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            CryptographicOperations.ZeroMemory(_key);
        }
    }

    // Written beside and linked into place: two that start at once agree on one key, and no reader sees half of one.
    private static void Create(string path)
    {
        string beside = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        byte[] key = GC.AllocateArray<byte>(PortableXaes.KeySize, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(key);
            FileStreamOptions options = new()
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (FileStream file = new(beside, options))
            {
                file.Write(key);
                file.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            // The other one was first; its key is read.
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            File.Delete(beside);
        }
    }

    private static void Read(string path, byte[] key)
    {
        using FileStream file = new(path, new FileStreamOptions { BufferSize = 0 });
        UnixFileMode mode = File.GetUnixFileMode(file.SafeFileHandle);
        if ((mode & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
        {
            throw new KeyStoreException(KeyStoreFailure.Denied, $"root key file {path}: its mode must be 0600 or 0400");
        }

        if (file.Length != key.Length)
        {
            throw new KeyStoreException(KeyStoreFailure.Damaged, $"root key file {path}: it has not 32 bytes");
        }

        file.ReadExactly(key);
    }
}
