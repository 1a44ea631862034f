using System.Security.Cryptography;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// What was made of one or two PEM files, and is made again when they change. New files that are no good leave the old as it is. Looked at by
/// content, not by date: a folder of links that is turned over as a whole counts as well. secrets: a private key passes through; a digest is kept.
/// </summary>
internal sealed class TlsFiles<T> : ITlsFiles
    where T : class
{
    private const int MaxSize = 1024 * 1024;

    private readonly string[] _paths;
    private readonly Func<T> _read;
    private volatile T _current;
    private string? _irregular;
    private string _taken;
    private string _seen;

    /// <summary>Reads them.</summary>
    /// <param name="field">Their name in the configuration.</param>
    /// <param name="read">Makes of them what is wanted.</param>
    /// <param name="paths">The files.</param>
    /// <exception cref="StartException">One is missing or not what it should be.</exception>
    internal TlsFiles(string field, Func<T> read, params string[] paths)
    {
        Field = field;
        _read = read;
        _paths = paths;

        // The digest first: what changes in between is seen at the next look.
        _taken = _seen = Digest();
        RefuseIrregular();
        _current = read();
    }

    public string Field { get; }

    /// <summary>What the files came to when they were last good.</summary>
    internal T Current => _current;

    public bool Look()
    {
        string now = Digest();
        bool settled = now == _seen;
        _seen = now;

        // A certificate and its key are two files: between one and the other they do not belong together.
        if (!settled || now == _taken)
        {
            return false;
        }

        _taken = now;
        RefuseIrregular();
        _current = _read();
        return true;
    }

    // A pipe that nobody writes to would hold up whoever reads it.
    private void RefuseIrregular()
    {
        if (_irregular is { } reason)
        {
            throw new StartException($"{Field}: {reason}: put a PEM file there");
        }
    }

    private string Digest()
    {
        _irregular = null;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in _paths)
        {
            byte[]? content = null;
            try
            {
                content = StateFile.Read(path, MaxSize, followLinks: true);
                hash.AppendData(content is null ? "missing"u8 : SHA256.HashData(content));
            }
            catch (NotSupportedException e)
            {
                _irregular = e.Message;
                hash.AppendData("irregular"u8);
            }
            catch (IOException)
            {
                hash.AppendData("missing"u8);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(content);
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
