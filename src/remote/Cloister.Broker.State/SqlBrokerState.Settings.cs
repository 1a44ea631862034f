namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    /// <inheritdoc/>
    public Task<bool> SetSettingIfAbsentAsync(string name, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        byte[] copy = value.ToArray();
        return _writes.RunAsync(
            async writes => await writes.ExecuteAsync("INSERT INTO Settings (Name, Value) VALUES (@name, @copy) ON CONFLICT (Name) DO NOTHING", new { name, copy }) == 1,
            cancellation);
    }

    /// <inheritdoc/>
    public Task<byte[]?> FindSettingAsync(string name, CancellationToken cancellation) =>
        _reads.FirstOrDefaultAsync<byte[]>("SELECT Value FROM Settings WHERE Name = @name", new { name }, cancellation);

    /// <inheritdoc/>
    public Task<bool> RemoveSettingAsync(string name, CancellationToken cancellation) =>
        _writes.RunAsync(async writes => await writes.ExecuteAsync("DELETE FROM Settings WHERE Name = @name", new { name }) == 1, cancellation);
}
