using System.Security.Cryptography;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;
using Google.Protobuf;

namespace Cloister.Cli.Operators;

/// <summary>An operator's key, which the configuration of an enclave in custody manual pins: what it signs changes KEKs. secrets: the private key.</summary>
internal sealed class OperatorKey : IDisposable
{
    /// <summary>Name of the file beside an admin socket that is used when none is named: <c>cloister dev</c> leaves one.</summary>
    internal const string FileName = "operator.key";

    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly ECDsa _key;

    private OperatorKey(ECDsa key, string file)
    {
        _key = key;
        Known = new KnownKeks(file + KnownKeks.Suffix);
    }

    /// <summary>What this operator has given to enclaves.</summary>
    internal KnownKeks Known { get; }

    /// <summary><c>sha256:</c> and base64 of SHA-256 of SubjectPublicKeyInfo.</summary>
    internal string Pin => $"sha256:{Convert.ToBase64String(SHA256.HashData(_key.ExportSubjectPublicKeyInfo()))}";

    public void Dispose() => _key.Dispose();

    /// <summary>Reads a private key on P-256, PEM.</summary>
    /// <exception cref="CliException">The file cannot be read, or holds something else.</exception>
    internal static OperatorKey Read(string file)
    {
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            return key.KeySize == 256 && key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value
                ? new OperatorKey(key, file)
                : throw new CliException($"{file} is not a key on curve P-256; 'cloister kek operator-key' makes one");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new CliException($"{file} cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new CliException($"{file} is not a private key on curve P-256 in PEM without a password; 'cloister kek operator-key' makes one");
        }
    }

    /// <summary>The named key, or the one beside the socket; null when there is neither.</summary>
    /// <exception cref="CliException">It is none.</exception>
    internal static OperatorKey? Find(string? file, string socket)
    {
        string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(socket))!, FileName);
        return file is not null ? Read(file) : File.Exists(beside) ? Read(beside) : null;
    }

    /// <summary>Makes a key in a new file that only its owner can read.</summary>
    /// <exception cref="CliException">The file is there already, or cannot be made.</exception>
    internal static OperatorKey Make(string file)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            using FileStream stream = new(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner });
            using StreamWriter writer = new(stream);
            writer.WriteLine(key.ExportPkcs8PrivateKeyPem());
            return new OperatorKey(key, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new CliException(File.Exists(file) ? $"{file} is there already: name a new file" : $"{file} cannot be made: {e.Message}");
        }
    }

    /// <summary>Signs a change.</summary>
    internal OperatorSignature Sign(OperatorStatement change) => new()
    {
        PublicKey = UnsafeByteOperations.UnsafeWrap(_key.ExportSubjectPublicKeyInfo()),
        Signature = UnsafeByteOperations.UnsafeWrap(change.Sign(_key)),
        Ticket = change.Act == OperatorAct.Provision ? ByteString.Empty : ByteString.CopyFrom(change.Ticket.Span),
    };
}
