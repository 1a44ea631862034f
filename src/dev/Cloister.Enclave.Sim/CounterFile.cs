using System.Buffers.Binary;
using Cloister.Enclave.Custody;

namespace Cloister.Enclave.Sim;

/// <summary>A file stands for the platform's monotonic counter; nothing keeps anyone from setting it back.</summary>
internal sealed class CounterFile(string path) : IMonotonicCounter
{
    public ulong Read()
    {
        try
        {
            byte[] value = File.Exists(path) ? File.ReadAllBytes(path) : new byte[sizeof(ulong)];
            return value.Length == sizeof(ulong)
                ? BinaryPrimitives.ReadUInt64BigEndian(value)
                : throw new SealException($"{path} has {value.Length} bytes, {sizeof(ulong)} are expected");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the simulated counter {path} cannot be read: check that it belongs to this user");
        }
    }

    public ulong Increment()
    {
        ulong next = Read() + 1;
        byte[] value = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(value, next);
        try
        {
            PrivateFile.Create(path, value);
            return next;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the simulated counter {path} cannot be written: check that its folder belongs to this user and has space");
        }
    }
}
