namespace Cloister.Broker.State;

/// <summary>
/// Named blobs that all brokers of a database share, such as the wrapped authority key.
/// secrets: only what is wrapped may be put here.
/// </summary>
public interface ISettings
{
    /// <summary>Sets a value that nobody has set yet. Of several brokers that try, one succeeds; then read what is there.</summary>
    /// <returns>Whether this call set it.</returns>
    Task<bool> SetSettingIfAbsentAsync(string name, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>The value, or null.</summary>
    Task<byte[]?> FindSettingAsync(string name, CancellationToken cancellation);

    /// <summary>Removes a value.</summary>
    /// <returns>Whether it was there.</returns>
    Task<bool> RemoveSettingAsync(string name, CancellationToken cancellation);
}
