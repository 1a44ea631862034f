namespace Cloister.Broker.State.Tests;

public sealed class DatabaseAddressTests
{
    [Theory]
    [InlineData("")]
    [InlineData("/var/broker.db")]
    [InlineData("sqlite:broker.db")]
    [InlineData("sqlite:/var/")]
    [InlineData("mysql:Host=x")]
    [InlineData("postgres:")]
    [InlineData("postgres:Password=hunter2;nonsense")]
    [InlineData("postgres:Pasword=hunter2")]
    public async Task A_bad_address_is_refused_without_quoting_it(string text)
    {
        var error = await Assert.ThrowsAsync<BrokerStateException>(
            () => SqlBrokerState.OpenAsync(DatabaseAddress.Parse(text), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal(BrokerStateError.BadAddress, error.Error);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_shows_no_password() =>
        Assert.Equal("postgres:...", DatabaseAddress.Parse("postgres:Host=h;Password=hunter2").ToString());

    [Fact]
    public async Task A_file_that_cannot_be_made_is_named_with_the_cause()
    {
        var error = await Assert.ThrowsAsync<BrokerStateException>(
            () => SqlBrokerState.OpenAsync(DatabaseAddress.Parse("sqlite:/absent/broker.db"), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal("the database sqlite:/absent/broker.db cannot be opened: Could not find a part of the path '/absent/broker.db'.", error.Message);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_error_of_the_state()
    {
        var address = DatabaseAddress.Parse("postgres:Host=/absent;Username=u;Password=hunter2");
        var error = await Assert.ThrowsAsync<BrokerStateException>(
            () => SqlBrokerState.OpenAsync(address, TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal(BrokerStateError.Unavailable, error.Error);
        Assert.DoesNotContain("hunter2", error.ToString(), StringComparison.Ordinal);
    }
}
