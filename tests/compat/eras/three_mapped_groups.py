from airflow.sdk import DAG, task, task_group

with DAG("three_mapped_groups", schedule=None) as dag:

    @task
    def shops():
        return ["north", "south"]

    @task_group
    def each_shop(shop):
        @task
        def count(name):
            return len(name)

        @task
        def double(number):
            return number * 2

        return double(count(shop))

    @task
    def total(numbers):
        return sum(numbers)

    total(each_shop.expand(shop=shops()))

    @task
    async def awaited():
        return "async"

    @task(retries=2, retry_delay=0)
    def third_time(ti=None):
        if ti.try_number < 3:
            raise RuntimeError("again")
        return ti.try_number

    awaited() >> third_time()
